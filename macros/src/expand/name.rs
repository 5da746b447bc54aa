//! Prints a family's name.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::LitStr;

use crate::kind::Kind;
use crate::parse::full_name::{FullName, Part};
use crate::tokens::q;

impl FullName {
    /// The name as an expression. `runtime_kind` is an expression of the type `__private::Kind`.
    pub(crate) fn print(
        &self,
        krate: &TokenStream,
        kind: Kind,
        runtime_kind: &TokenStream,
    ) -> TokenStream {
        let text = match self.text() {
            Some(text) => LitStr::new(&text, self.name.span()).into_token_stream(),
            None => self.joined(krate),
        };
        if self.text().is_some() && kind != Kind::Unknown {
            return text;
        }
        if self.is_utf8 {
            return q!(#krate::utf8_name(#runtime_kind, #text));
        }
        q!(#krate::name(#runtime_kind, #text))
    }

    fn joined(&self, krate: &TokenStream) -> TokenStream {
        let parts = self.before.iter().map(|(_, part)| match part {
            Part::Text(text) => text.to_token_stream(),
            Part::Const(path) => path.to_token_stream(),
        });
        let name = self.name.to_token_stream();
        let parts = parts.chain([name]);
        let parts = q!(&[#(#parts),*]);
        q!(#krate::joined_text(const { &#krate::joined::<{ #krate::joined_len(#parts) }>(#parts) }))
    }
}
