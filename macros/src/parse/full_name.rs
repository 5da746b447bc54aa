//! What a family is called: `namespace_subsystem_name`, of which the first two may be constants that only the compiler knows.

use quote::ToTokens;
use syn::{ExprPath, LitStr};

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
}
