//! The output when there are mistakes: the messages, and the item without the attribute. So rustc
//! reports no errors that follow from a missing item, and an editor still knows the item.

use proc_macro2::TokenStream;

use crate::report::errors::Errors;

pub(crate) fn expand(errors: &Errors, item: TokenStream) -> TokenStream {
    let mut tokens = errors.to_compile_errors();
    tokens.extend(item);
    tokens
}
