//! What is printed when something is wrong: the mistakes, and the item as if it had no attribute of
//! ours, so that nothing else is reported of it and an editor goes on helping.

use crate::report::errors::Errors;
use proc_macro2::TokenStream;

pub(crate) fn expand(errors: &Errors, item: TokenStream) -> TokenStream {
    let mut tokens = errors.to_compile_errors();
    tokens.extend(item);
    tokens
}
