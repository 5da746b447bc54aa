//! The name of a family, `namespace_subsystem_name`. The first two parts may be constants, whose
//! values only the compiler knows.

use quote::ToTokens;
use syn::{ExprPath, LitStr};

/// A part of a name: `"literal"` or `path::TO_CONST`.
#[derive(Clone)]
pub(crate) enum Part {
    Text(LitStr),
    Const(ExprPath),
}

/// The parts of a name, in order.
#[derive(Clone)]
pub(crate) struct FullName {
    /// The parts before the name, each with its key.
    pub(crate) before: Vec<(&'static str, Part)>,
    pub(crate) name: LitStr,
    /// Whether it may be any text.
    pub(crate) is_utf8: bool,
}

/// The keys of the parts before the name.
pub(crate) const BEFORE: [&str; 2] = ["namespace", "subsystem"];

impl FullName {
    /// The whole name, if no part is a constant.
    pub(crate) fn text(&self) -> Option<String> {
        let parts = self.before.iter().map(|(_, part)| match part {
            Part::Text(text) => Some(text.value()),
            Part::Const(_) => None,
        });
        let mut parts = parts.collect::<Option<Vec<_>>>()?;
        parts.push(self.name.value());
        Some(parts.join("_"))
    }

    /// The part before the name. A constant is replaced by a letter: it is checked when its value
    /// is known.
    pub(crate) fn beginning(&self) -> String {
        let parts = self.before.iter().map(|(_, part)| match part {
            Part::Text(text) => text.value() + "_",
            Part::Const(_) => "x_".to_owned(),
        });
        parts.collect()
    }

    /// Identifies the name among those of one function.
    pub(crate) fn key(&self) -> String {
        let parts = self.before.iter().map(|(_, part)| match part {
            Part::Text(text) => text.value() + "_",
            Part::Const(path) => path.to_token_stream().to_string() + "_",
        });
        parts.chain([self.name.value()]).collect()
    }
}
