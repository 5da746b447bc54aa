//! Collects mistakes, so that all of them are reported at once, each at its own tokens.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    list: Vec<syn::Error>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Records a mistake in these tokens.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.list.push(syn::Error::new_spanned(tokens, message));
    }

    /// Records a mistake at a place.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.list.push(syn::Error::new(span, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.list.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Every message in the order found, for tests.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.list.iter().map(ToString::to_string).collect()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn to_compile_errors(&self) -> TokenStream {
        self.list.iter().flat_map(|error| without_path(error.to_compile_error())).collect()
    }
}

/// `::core::compile_error!` without the path, which in edition 2015 would lead into the user's
/// crate.
fn without_path(tokens: TokenStream) -> impl Iterator<Item = TokenTree> {
    tokens
        .into_iter()
        .skip_while(|token| !matches!(token, TokenTree::Ident(word) if word == "compile_error"))
}
