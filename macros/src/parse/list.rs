//! Lists that are separated by commas. A mistake in one entry doesn't hide those behind it.

use proc_macro2::TokenTree;
use syn::Token;
use syn::parse::ParseStream;

/// Takes a comma, unless the list ends here.
pub(crate) fn comma(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    if !input.peek(Token![,]) {
        return Err(input.error("expected `,`"));
    }
    let _: Token![,] = input.parse()?;
    Ok(())
}

/// Skips the rest of an entry that could not be parsed.
pub(crate) fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _: syn::Result<TokenTree> = input.parse();
    }
}
