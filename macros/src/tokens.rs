//! Helpers for tokens and expressions.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
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

/// The text of an identifier, without `r#`, as a literal with its span.
pub(crate) fn text_of(ident: &Ident) -> LitStr {
    LitStr::new(&ident.unraw().to_string(), ident.span())
}
