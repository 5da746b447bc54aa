//! The grammar: all keys, the form of their values, and the attributes that take them.
//!
//! To add a key, add a row to [`KEYS`]. Parsing it, refusing it on other attributes and listing it
//! in messages follow from the row. What it does is decided in `check/plan_function.rs` and
//! `check/plan_family.rs` (for `#[metric]`, in `check/metric.rs`).

use crate::kind::Attribute::{self, CountExceptions, Counted, InProgress, Metric, Timed};
use crate::report::suggest;

/// The form of a key and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `key = "literal"`
    Text,
    /// `key`
    Flag,
    /// `key(name = expression, argument)`
    Labels,
    /// `key = "literal"` or `key = path::to::A_CONST`
    Part,
    /// `key = [literal, ..]`, `key = path::to::A_CONST` or `key = a_const_fn(..)`
    Buckets,
    /// `key = some::path`
    Path,
    /// `key = |value| ..`
    Closure,
    /// `key = expression`
    Expr,
    /// `key = true`
    Bool,
    /// `key`, or `key(schema = 5)`
    Native,
    /// `key`, or `key = false`
    Switch,
    /// `key = 500`
    Number,
    /// `key = pattern` or `key = pattern if guard`
    Pattern,
    /// `key(name = |error| .., name)`
    ErrorLabels,
}

/// One row of the grammar.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) on: &'static [Attribute],
    /// Whether it changes the shape of the family. The shape of a shared family is fixed.
    pub(crate) needs_name: bool,
}

const FUNCTIONS: &[Attribute] = &[Counted, Timed, InProgress, CountExceptions];

const EVERYWHERE: &[Attribute] = &Attribute::ALL;

#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    Key { name: "name",         form: Form::Text,        on: EVERYWHERE,                         needs_name: false },
    Key { name: "namespace",    form: Form::Part,        on: EVERYWHERE,                         needs_name: true },
    Key { name: "subsystem",    form: Form::Part,        on: EVERYWHERE,                         needs_name: true },
    Key { name: "help",         form: Form::Text,        on: EVERYWHERE,                         needs_name: true },
    Key { name: "unit",         form: Form::Text,        on: EVERYWHERE,                         needs_name: true },
    Key { name: "labels",       form: Form::Labels,      on: EVERYWHERE,                         needs_name: true },
    Key { name: "buckets",      form: Form::Buckets,     on: &[Timed, Metric],                   needs_name: true },
    Key { name: "summary",      form: Form::Flag,        on: &[Timed],                           needs_name: true },
    Key { name: "native",       form: Form::Native,      on: &[Timed, Metric],                   needs_name: true },
    Key { name: "mode",         form: Form::Text,        on: &[InProgress, Metric],              needs_name: true },
    Key { name: "oldest",       form: Form::Flag,        on: &[InProgress],                      needs_name: false },
    Key { name: "utf8_names",   form: Form::Flag,        on: EVERYWHERE,                         needs_name: true },
    Key { name: "max_series",   form: Form::Number,      on: EVERYWHERE,                         needs_name: true },
    Key { name: "idle_timeout", form: Form::Text,        on: EVERYWHERE,                         needs_name: true },
    Key { name: "exemplars",    form: Form::Flag,        on: &[Counted, Timed, CountExceptions, Metric], needs_name: false },
    Key { name: "metric",       form: Form::Expr,        on: FUNCTIONS,                          needs_name: false },
    Key { name: "prefix",       form: Form::Text,        on: FUNCTIONS,                          needs_name: false },
    Key { name: "outcome",      form: Form::Flag,        on: &[Counted, Timed],                  needs_name: false },
    Key { name: "error_if",     form: Form::Closure,     on: &[Counted, Timed, CountExceptions], needs_name: false },
    Key { name: "only",         form: Form::Pattern,     on: &[CountExceptions],                 needs_name: false },
    Key { name: "error_labels", form: Form::ErrorLabels, on: &[CountExceptions],                 needs_name: true },
    Key { name: "panics",       form: Form::Bool,        on: &[CountExceptions],                 needs_name: false },
    Key { name: "cancelled",    form: Form::Bool,        on: &[Timed, CountExceptions],          needs_name: false },
    Key { name: "when",         form: Form::Expr,        on: FUNCTIONS,                          needs_name: false },
    Key { name: "future",       form: Form::Switch,      on: FUNCTIONS,                          needs_name: false },
    Key { name: "crate",        form: Form::Path,        on: EVERYWHERE,                         needs_name: false },
];

/// The row of a key, on whatever attribute.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The names of the keys that an attribute takes.
pub(crate) fn accepted(attribute: Attribute) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(move |key| key.on.contains(&attribute)).map(|key| key.name)
}

/// The message for a key that no attribute has.
pub(crate) fn unknown(name: &str, attribute: Attribute) -> String {
    let accepted: Vec<_> = accepted(attribute).collect();
    let hint = match suggest::nearest(name, accepted.iter().copied()) {
        Some(meant) => format!(" (did you mean `{meant}`?)"),
        None => String::new(),
    };
    format!(
        "there is no key `{name}`{hint}; `#[{}]` takes {}",
        attribute.name(),
        suggest::list(accepted)
    )
}

/// The message for a key that belongs to other attributes.
pub(crate) fn misplaced(key: &Key, attribute: Attribute) -> String {
    format!(
        "`{}` belongs to {}, not to `#[{}]`",
        key.name,
        suggest::list(key.on.iter().map(|attribute| attribute.name())),
        attribute.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_row_and_an_attribute() {
        for key in KEYS {
            assert_eq!(KEYS.iter().filter(|other| other.name == key.name).count(), 1, "{key:?}");
            assert!(!key.on.is_empty(), "{key:?}");
        }
    }
}
