//! What a family is called: `namespace_subsystem_name`, of which the first two may be constants that only the compiler knows.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{ExprPath, LitStr};

use crate::check::names::Kind;
use crate::expand::function::q;
use crate::parse::args::Args;

/// A part of a name: `"literal"` or `path::TO_CONST`.
#[derive(Clone)]
pub(crate) enum Part {
    Text(LitStr),
    Const(ExprPath),
}

/// The parts of a name, in their order.
#[derive(Clone)]
pub(crate) struct FullName {
    /// What stands before the name, each with its key.
    pub(crate) before: Vec<(&'static str, Part)>,
    pub(crate) name: LitStr,
}

/// The keys whose parts stand before the name.
pub(crate) const BEFORE: [&str; 2] = ["namespace", "subsystem"];

impl FullName {
    /// The parts as they were given, with this name at the end.
    pub(crate) fn of(args: &Args, name: LitStr) -> Self {
        let before = BEFORE.iter().filter_map(|key| Some((*key, args.part(key)?.clone())));
        Self { before: before.collect(), name }
    }

    /// The whole name, where no part is a constant.
    pub(crate) fn text(&self) -> Option<String> {
        let parts = self.before.iter().map(|(_, part)| match part {
            Part::Text(text) => Some(text.value()),
            Part::Const(_) => None,
        });
        let mut parts = parts.collect::<Option<Vec<_>>>()?;
        parts.push(self.name.value());
        Some(parts.join("_"))
    }

    /// What the whole name begins with. A constant stands there as a letter, since it is checked when it is known.
    pub(crate) fn beginning(&self) -> String {
        let parts = self.before.iter().map(|(_, part)| match part {
            Part::Text(text) => text.value() + "_",
            Part::Const(_) => "x_".to_owned(),
        });
        parts.collect()
    }

    /// What sets it apart from other names of the same function.
    pub(crate) fn key(&self) -> String {
        let parts = self.before.iter().map(|(_, part)| match part {
            Part::Text(text) => text.value() + "_",
            Part::Const(path) => path.to_token_stream().to_string() + "_",
        });
        parts.chain([self.name.value()]).collect()
    }

    /// The name as an expression; `runtime_kind` is of the type `__private::Kind`.
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
        if self.text().is_some() && kind != Kind::Renamed {
            return text;
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
