//! Helpers for tokens and expressions.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, LitStr, Path};

/// `quote!` with the span of all generated tokens: local names of ours and of the user can't clash,
/// and lints ignore ours.
macro_rules! q {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}
pub(crate) use q;

/// The path of `__private`, which contains everything that an expansion names.
pub(crate) fn private_path(krate: Option<&Path>) -> TokenStream {
    match krate {
        Some(krate) => quote!(#krate::__private),
        None => {
            // With a span of this crate, the path has its edition. In edition 2015 `::headcount`
            // would be a name in the user's crate.
            quote_spanned!(Span::mixed_site()=> ::headcount::__private)
        }
    }
}

/// A path that messages show at another place.
pub(crate) fn located_at(path: &TokenStream, place: Span) -> TokenStream {
    let located = path.clone().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(place));
        token
    });
    located.collect()
}

/// The span of the last token, also inside a group without delimiters.
pub(crate) fn last_span(tokens: TokenStream) -> Option<Span> {
    match tokens.into_iter().last()? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            last_span(group.stream())
        }
        TokenTree::Group(group) => Some(group.span_close()),
        token => Some(token.span()),
    }
}

/// The expression inside the invisible brackets that `macro_rules!` puts around its fragments.
pub(crate) fn ungrouped(mut expr: Expr) -> Expr {
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    expr
}

pub(crate) fn is_closure(expr: &Expr) -> bool {
    matches!(ungrouped(expr.clone()), Expr::Closure(_))
}

/// Whether an expression names a function and not a `static`, judged by the case of its name.
pub(crate) fn is_function_path(expr: &Expr) -> bool {
    match ungrouped(expr.clone()) {
        Expr::Path(path) => path.path.segments.last().is_some_and(|last| {
            !last.ident.unraw().to_string().starts_with(|first: char| first.is_uppercase())
        }),
        _ => false,
    }
}

/// Whether tokens can mention a name: as an identifier, or inside a format string.
pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    let plain = name.unraw().to_string();
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident.unraw() == plain,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            text.contains(&format!("{{{plain}}}")) || text.contains(&format!("{{{plain}:"))
        }
        TokenTree::Punct(_) => false,
    })
}

/// Whether a body may contain closures or functions of its own. A `|` behind a value is an
/// operator, and one behind a pattern separates it from the next.
pub(crate) fn has_functions(tokens: TokenStream) -> bool {
    let mut behind_value = false;
    tokens.into_iter().any(|token| {
        let (found, is_value) = match &token {
            TokenTree::Ident(word) => {
                let word = word.to_string();
                (word == "fn", !["move", "return", "break", "else", "in"].contains(&&*word))
            }
            TokenTree::Punct(punct) => {
                // The second half of `||` is behind the first one.
                let is_bar = punct.as_char() == '|';
                (is_bar && !behind_value, is_bar && behind_value || punct.as_char() == '?')
            }
            TokenTree::Group(group) => (has_functions(group.stream()), true),
            TokenTree::Literal(_) => (false, true),
        };
        behind_value = is_value;
        found
    })
}

/// The text of an identifier, without `r#`, as a literal with its span.
pub(crate) fn text_of(ident: &Ident) -> LitStr {
    LitStr::new(&ident.unraw().to_string(), ident.span())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_are_distinguished_from_operators_and_patterns() {
        for tokens in [
            quote!(let f = || 1; f()),
            quote!(f(|x| x)),
            quote!(x.map(move |x| x)),
            quote!(fn f() {}, f()),
            quote!(x?.map(|_| 1)),
            quote!(if a {
                return |x| x;
            }),
        ] {
            assert!(has_functions(tokens.clone()), "{tokens}");
        }
        for tokens in [
            quote!(a || b),
            quote!(f(a) | 3),
            quote!(f()? || [a][0] || b),
            quote!(match x {
                A | B(_) | "c" => 1,
                _ => 2,
            }),
        ] {
            assert!(!has_functions(tokens.clone()), "{tokens}");
        }
    }
}
