//! Checks metric names, label names, units and help texts where they are written. The rules are in
//! `rules`.

use proc_macro2::Ident;
use syn::LitStr;
use syn::ext::IdentExt;

use crate::kind::Kind;
use crate::parse::full_name::{FullName, Part};
use crate::report::errors::Errors;
use crate::rules::{
    help_problem, is_metric_name, label_problem, name_problem, repaired, unit_problem,
};

/// Checks a family's name and unit.
pub(crate) fn check_metric(
    kind: Kind,
    name: &FullName,
    unit: Option<&LitStr>,
    errors: &mut Errors,
) {
    if !check_beginning(name, errors) {
        return;
    }
    let beginning = name.beginning();
    let text = name.name.value();
    let class = kind.class();
    if let Some(problem) = name_problem(class, &beginning, &text, unit.is_some()) {
        errors.on(&name.name, problem);
        return;
    }
    if let Some(unit) = unit {
        if let Some(problem) = unit_problem(class, &beginning, &text, &unit.value()) {
            errors.on(unit, problem);
        }
    }
}

/// Checks the parts before a name. Returns whether they are right.
fn check_beginning(name: &FullName, errors: &mut Errors) -> bool {
    let mut right = true;
    for (index, (key, part)) in name.before.iter().enumerate() {
        let Part::Text(part) = part else { continue };
        let text = part.value();
        let problem = if text.is_empty() {
            format!("`{key}` is empty: leave it out")
        } else if !is_metric_name(&text) {
            format!("a metric name can't begin with `{text}`: try `{}`", repaired(&text))
        } else if text.ends_with('_') {
            format!("`_` is added before the name: write `{}`", text.trim_end_matches('_'))
        } else if index == 0 && is_our_own(&text) {
            format!("`{text}` is reserved for the library's own metrics")
        } else {
            continue;
        };
        errors.on(part, problem);
        right = false;
    }
    right
}

/// Checks the prefix of a block's families.
pub(crate) fn check_prefix(name: &FullName, errors: &mut Errors) {
    if !check_beginning(name, errors) {
        return;
    }
    let prefix = &name.name;
    let text = prefix.value();
    let is_first = name.before.is_empty();
    let problem = if text.is_empty() {
        "`prefix` is empty: name the subject of the block in a word".to_owned()
    } else if !is_metric_name(&text) {
        format!("a metric name can't begin with `{text}`: try `{}`", repaired(&text))
    } else if text.ends_with('_') {
        format!("endings such as `_calls_total` are added: write `{}`", text.trim_end_matches('_'))
    } else if is_first && is_our_own(&text) {
        format!("`{text}` is reserved for the library's own metrics")
    } else if is_first && text == "function" {
        "`function` is the prefix of the shared families: choose another".to_owned()
    } else {
        return;
    };
    errors.on(prefix, problem);
}

/// Checks the name of a label. `outcome` is true if the family has that label already.
pub(crate) fn check_label(label: &Ident, outcome: bool, errors: &mut Errors) {
    let name = label.unraw().to_string();
    if let Some(problem) = label_problem(&name) {
        errors.on(label, problem);
    } else if outcome && name == "outcome" {
        errors.on(label, "the flag `outcome` adds the label `outcome` already");
    }
}

/// Checks a help text.
pub(crate) fn check_help(help: &LitStr, errors: &mut Errors) {
    if let Some(problem) = help_problem(&help.value()) {
        errors.on(help, problem);
    }
}

/// Whether names that begin like this are reserved for the library.
fn is_our_own(beginning: &str) -> bool {
    beginning == "headcount" || beginning.starts_with("headcount_")
}
