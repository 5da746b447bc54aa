//! Finds what a function returns, in the tokens of its body: an `async` block at its end, or the
//! value of a last `return`.
//!
//! The block is measured where it is, and the statements before it are left alone. A closure around
//! the whole body would give the future all lifetimes of the function.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::quote_spanned;

use crate::parse::shape::Shape;

/// A body that ends with an `async` block or with `Box::pin(async move { .. })`, and doesn't return
/// before that.
pub(crate) struct Tail {
    pub(crate) before: TokenStream,
    /// `Box::pin`
    pub(crate) constructor: Option<TokenStream>,
    pub(crate) block: TokenStream,
}

impl Tail {
    pub(crate) fn of(statements: &TokenStream, shape: Shape) -> Option<Self> {
        let mut before: Vec<TokenTree> = statements.clone().into_iter().collect();
        let (constructor, block) = if shape == Shape::ImplFuture {
            (None, take_async_block(&mut before)?)
        } else {
            let Some(TokenTree::Group(arguments)) = before.pop() else { return None };
            let mut inner: Vec<TokenTree> = arguments.stream().into_iter().collect();
            let block = take_async_block(&mut inner)?;
            let constructor = take_path(&mut before);
            let path = constructor.iter().map(ToString::to_string).collect::<String>();
            let fits = inner.is_empty()
                && arguments.delimiter() == Delimiter::Parenthesis
                && path.ends_with("Box::pin");
            (Some(fits.then(|| constructor.into_iter().collect())?), block)
        };
        let ends_before = ends_statement(before.last());
        let before: TokenStream = before.into_iter().collect();
        (ends_before && !may_return(before.clone())).then_some(Self { before, constructor, block })
    }
}

/// If the last statement of a body is `return value`: the body with a call of the function with
/// this name around the value. The call has the keyword's span, since clippy's `needless_return`
/// leaves out what a macro wrote.
pub(crate) fn with_last_return(body: TokenStream, function: &str) -> Option<TokenStream> {
    let mut before: Vec<TokenTree> = body.into_iter().collect();
    if before.last().is_some_and(is_semicolon) {
        before.pop();
    }
    let is_return = |token: &TokenTree| matches!(token, TokenTree::Ident(it) if it == "return");
    let value = before.split_off(before.iter().rposition(is_return)? + 1);
    let keyword = before.pop()?;
    let is_last = ends_statement(before.last()) && !value.is_empty();
    let is_last = is_last && !value.iter().any(is_semicolon);
    let value: TokenStream = value.into_iter().collect();
    let before: TokenStream = before.into_iter().collect();
    let function = Ident::new(function, keyword.span());
    is_last.then(|| quote_spanned!(keyword.span()=> #before #keyword #function(#value);))
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';')
}

/// Whether a statement may begin behind this token.
fn ends_statement(last: Option<&TokenTree>) -> bool {
    last.is_none_or(|last| match last {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_semicolon(token),
    })
}

/// Takes `async { .. }` or `async move { .. }` from the end.
fn take_async_block(tokens: &mut Vec<TokenTree>) -> Option<TokenStream> {
    let is_word = |token: Option<&TokenTree>, name: &str| match token {
        Some(TokenTree::Ident(word)) => word == name,
        _ => false,
    };
    let (last, head) = tokens.split_last()?;
    let is_block = matches!(last, TokenTree::Group(it) if it.delimiter() == Delimiter::Brace);
    let moves = usize::from(is_word(head.last(), "move"));
    let begin = head.len().checked_sub(1 + moves)?;
    (is_block && is_word(head.get(begin), "async")).then(|| tokens.drain(begin..).collect())
}

/// Takes a path from the end.
fn take_path(tokens: &mut Vec<TokenTree>) -> Vec<TokenTree> {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == ':');
    let mut begin = tokens.len();
    let mut wants_word = true;
    while let Some(token) = begin.checked_sub(1).and_then(|before| tokens.get(before)) {
        match token {
            TokenTree::Ident(_) if wants_word => wants_word = false,
            token if is_colon(token) => wants_word = true,
            _ => break,
        }
        begin -= 1;
    }
    tokens.drain(begin..).collect()
}

/// Whether tokens may leave the function. Most macros may.
fn may_return(tokens: TokenStream) -> bool {
    let mut word_before = None;
    tokens.into_iter().any(|token| {
        let found = match &token {
            TokenTree::Ident(word) => word == "return",
            TokenTree::Punct(punct) => match punct.as_char() {
                '?' => true,
                '!' => word_before.take().is_some_and(|word: String| !STAY.contains(&&*word)),
                _ => false,
            },
            TokenTree::Group(group) => may_return(group.stream()),
            TokenTree::Literal(_) => false,
        };
        word_before = match token {
            TokenTree::Ident(word) => Some(word.to_string()),
            _ => None,
        };
        found
    })
}

/// Macros of the standard library that don't leave the function, unless their arguments do.
const STAY: [&str; 18] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprintln",
    "format",
    "format_args",
    "matches",
    "panic",
    "print",
    "println",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn found(statements: &TokenStream) -> Option<String> {
        Tail::of(statements, Shape::BoxedFuture).map(|tail| tail.before.to_string())
    }

    #[test]
    fn a_block_in_a_box_is_found_behind_statements() {
        assert_eq!(found(&quote!(Box::pin(async move { 1 }))).as_deref(), Some(""));
        let named = quote!(::std::boxed::Box::pin(async { f().await? }));
        assert_eq!(found(&named).as_deref(), Some(""));
        let behind = quote!(
            let n = format!("n");
            Box::pin(async move { n })
        );
        assert_eq!(found(&behind).as_deref(), Some("let n = format ! (\"n\") ;"));
        let of_impl = Tail::of(&quote!(g(); async move { 1 }), Shape::ImplFuture);
        assert_eq!(of_impl.map(|tail| tail.before.to_string()).as_deref(), Some("g () ;"));
    }

    #[test]
    fn only_a_return_that_is_the_last_statement_is_found() {
        let found = |body| with_last_return(body, "f").map(|body| body.to_string());
        assert_eq!(found(quote!(return 1)).as_deref(), Some("return f (1) ;"));
        let behind = quote!(let x = if y { return 1 } else { 2 }; return |a| { a; x };);
        let expected = "let x = if y { return 1 } else { 2 } ; return f (| a | { a ; x }) ;";
        assert_eq!(found(behind).as_deref(), Some(expected));
        for body in [quote!(1), quote!(|| return 1), quote!(return 1; 2), quote!(return;)] {
            assert_eq!(found(body.clone()), None, "{body}");
        }
    }

    #[test]
    fn what_may_return_before_or_is_more_than_the_block_is_not() {
        for statements in [
            quote!(return Box::pin(async move { 1 })),
            quote!(if x { return f() } Box::pin(async move { 1 })),
            quote!(let n = g()?; Box::pin(async move { n })),
            quote!(println!("{}", x?); Box::pin(async move { 1 })),
            quote!(ensure!(x); Box::pin(async move { 1 })),
            quote!(f(Box::pin(async move { 1 }))),
            quote!(Box::pin(async move { 1 }, 2)),
            quote!(Box::pin(async move { 1 }.boxed())),
            quote!(Box::pin(f())),
            quote!(Rc::pin(async move { 1 })),
            quote!(f() as Box::pin(async move { 1 })),
            quote!(),
        ] {
            assert_eq!(found(&statements), None, "{statements}");
        }
    }
}
