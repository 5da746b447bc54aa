//! Prints an expansion as the examples expect it.

use proc_macro2::TokenStream;

/// Formats code, or shows tokens that are none.
pub(crate) fn print(tokens: TokenStream) -> String {
    let text = tokens.to_string();
    match syn::parse2(tokens) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => format!("{error}: {text}"),
    }
}
