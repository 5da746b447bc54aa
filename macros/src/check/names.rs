//! Checks metric names, label names, units and help texts where they are written. The rules are in
//! `rules`.

use quote::ToTokens;
use syn::LitStr;

use crate::kind::Kind;
use crate::parse::full_name::{FullName, Part};
use crate::report::errors::Errors;
use crate::rules::{
    ending_problem, help_problem, is_metric_name, label_problem, name_problem, repaired,
    unit_problem, utf8_label_problem, utf8_metric_problem, utf8_name_problem,
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
    let problem = if name.is_utf8 {
        let own = |better: &str| better.strip_prefix(&beginning).unwrap_or(better).to_owned();
        let full = format!("{beginning}{text}");
        // Without the part before it, which has been checked, an empty name is empty.
        let problem = utf8_name_problem(&text).or_else(|| utf8_metric_problem(&full));
        problem.or_else(|| ending_problem(class, &full, unit.is_some(), own))
    } else {
        name_problem(class, &beginning, &text, unit.is_some())
    };
    if let Some(problem) = problem {
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
        } else if let Some(problem) = letters_problem(name, &text) {
            problem
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

/// What is wrong with the letters of a name's beginning.
fn letters_problem(name: &FullName, text: &str) -> Option<String> {
    if name.is_utf8 {
        return utf8_name_problem(text);
    }
    let problem = || format!("a metric name can't begin with `{text}`: try `{}`", repaired(text));
    (!is_metric_name(text)).then(problem)
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
    } else if let Some(problem) = letters_problem(name, &text) {
        problem
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

/// Checks the name of a label, which stands at `label`. `outcome` is true if the family has that
/// label already, and `is_utf8` if the name may be any text.
pub(crate) fn check_label(
    label: &impl ToTokens,
    name: &str,
    is_utf8: bool,
    outcome: bool,
    errors: &mut Errors,
) {
    let problem = if is_utf8 { utf8_label_problem(name) } else { label_problem(name) };
    let too_long = || (name.len() > 1024).then(|| "a name has at most 1,024 bytes".to_owned());
    if let Some(problem) = problem.or_else(too_long) {
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
