//! The rules for metric names, label names, units and help texts.

use proc_macro2::Ident;
use syn::LitStr;
use syn::ext::IdentExt;

use crate::errors::Errors;
use crate::keys::Attribute;

/// What a family holds, as far as its name depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Calls,
    Durations,
    InProgress,
    Exceptions,
    Counter,
    Gauge,
    Histogram,
    Summary,
    /// A type under a name we don't know: the types decide, and the names are checked at run time.
    Renamed,
}

impl Kind {
    fn is_counter(self) -> bool {
        matches!(self, Kind::Calls | Kind::Exceptions | Kind::Counter)
    }
}

/// Labels that the exposition, the collector or Prometheus itself gives.
const RESERVED_LABELS: [&str; 3] = ["le", "quantile", "pid"];

/// Endings that say a unit other than the base unit, with the base unit.
const FOREIGN_UNITS: [(&str, &str); 16] = [
    ("_ns", "seconds"),
    ("_nanos", "seconds"),
    ("_nanoseconds", "seconds"),
    ("_us", "seconds"),
    ("_micros", "seconds"),
    ("_microseconds", "seconds"),
    ("_ms", "seconds"),
    ("_millis", "seconds"),
    ("_milliseconds", "seconds"),
    ("_minutes", "seconds"),
    ("_hours", "seconds"),
    ("_days", "seconds"),
    ("_kb", "bytes"),
    ("_kilobytes", "bytes"),
    ("_mb", "bytes"),
    ("_megabytes", "bytes"),
];

/// Checks a family's name and unit.
pub(crate) fn check_metric(kind: Kind, name: &LitStr, unit: Option<&LitStr>, errors: &mut Errors) {
    let text = name.value();
    if let Some(problem) = metric_problem(kind, &text, unit.is_some()) {
        errors.on(name, problem);
        return;
    }
    if let Some(unit) = unit {
        if let Some(problem) = unit_problem(kind, &text, &unit.value()) {
            errors.on(unit, problem);
        }
    }
}

fn metric_problem(kind: Kind, name: &str, has_unit: bool) -> Option<String> {
    if name.is_empty() {
        return Some("a metric needs a name".to_owned());
    }
    if !is_metric_name(name) {
        return Some(format!("`{name}` is not a metric name: try `{}`", repaired(name)));
    }
    if name.starts_with("headcount_") {
        return Some(format!(
            "`{name}` is reserved: names that begin with `headcount_` are the library's own metrics"
        ));
    }
    let shared =
        [Attribute::Counted, Attribute::Timed, Attribute::InProgress, Attribute::CountExceptions];
    if let Some(attribute) = shared.into_iter().find(|shared| shared.shared_family() == name) {
        return Some(format!(
            "`{name}` is the family of every `#[{}]` that has no `name`: choose another name",
            attribute.name()
        ));
    }
    let foreign = FOREIGN_UNITS.iter().find_map(|(end, base)| {
        Some((name.strip_suffix("_total").unwrap_or(name).strip_suffix(end)?, base))
    });
    if kind == Kind::Durations {
        if name.ends_with("_seconds") {
            return None;
        }
        let stem = foreign.map_or(name, |(stem, _)| stem).trim_end_matches("_total");
        return Some(format!(
            "durations are exported in seconds, and the name says so: `{stem}_seconds`"
        ));
    }
    if kind.is_counter() && !name.ends_with("_total") {
        return Some(format!("a counter's name ends in `_total`: `{name}_total`"));
    }
    if matches!(kind, Kind::InProgress | Kind::Gauge | Kind::Histogram | Kind::Summary) {
        if let Some(stem) = name.strip_suffix("_total") {
            return Some(format!("only a counter's name ends in `_total`: `{stem}`"));
        }
    }
    if let (Some((stem, base)), false) = (foreign, has_unit) {
        let total = if kind.is_counter() { "_total" } else { "" };
        return Some(format!(
            "metrics are exported in base units: `{stem}_{base}{total}`, or say the unit: \
             `unit = \"..\"`"
        ));
    }
    None
}

fn unit_problem(kind: Kind, name: &str, unit: &str) -> Option<String> {
    if unit.is_empty() || !unit.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Some(format!("`{unit}` is not a unit: letters, digits and `_`, as in `bytes`"));
    }
    if kind == Kind::Durations && unit != "seconds" {
        return Some("durations are exported in seconds".to_owned());
    }
    let stem = if kind.is_counter() { name.strip_suffix("_total").unwrap_or(name) } else { name };
    if stem.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')) {
        return None;
    }
    let total = if kind.is_counter() { "_total" } else { "" };
    Some(format!("the name of a metric with a unit ends in it: `{stem}_{unit}{total}`"))
}

/// Checks what the names of a block's families begin with.
pub(crate) fn check_prefix(prefix: &LitStr, errors: &mut Errors) {
    let text = prefix.value();
    let problem = if text.is_empty() {
        "`prefix` is empty: say in a word what the block is about".to_owned()
    } else if !is_metric_name(&text) {
        format!("no metric name begins with `{text}`: try `{}`", repaired(&text))
    } else if text.ends_with('_') {
        format!("`_calls_total` and its siblings follow: `{}`", text.trim_end_matches('_'))
    } else if text == "headcount" || text.starts_with("headcount_") {
        format!("`{text}` is reserved: so begin the names of the library's own metrics")
    } else if text == "function" {
        "`function` is the prefix of all functions that have no block: choose another".to_owned()
    } else {
        return;
    };
    errors.on(prefix, problem);
}

/// Checks one label's name; `outcome` says whether the family has that label already.
pub(crate) fn check_label(label: &Ident, outcome: bool, errors: &mut Errors) {
    let name = label.unraw().to_string();
    if !is_label_name(&name) {
        errors.on(label, format!("`{name}` is not a label name: letters, digits and `_`"));
    } else if RESERVED_LABELS.contains(&name.as_str()) {
        errors.on(label, format!("the label `{name}` is reserved"));
    } else if name.starts_with("__") {
        errors.on(label, format!("the label `{name}` is reserved, as all that begin with `__`"));
    } else if outcome && name == "outcome" {
        errors.on(label, "the label `outcome` is given by the flag `outcome`");
    }
}

/// Checks a help text.
pub(crate) fn check_help(help: &LitStr, errors: &mut Errors) {
    if help.value().trim().is_empty() {
        errors.on(help, "`help` is empty: say in a sentence what is counted");
    }
}

fn is_metric_name(name: &str) -> bool {
    name.bytes().enumerate().all(|(index, byte)| {
        byte.is_ascii_alphabetic()
            || byte == b'_'
            || byte == b':'
            || (index > 0 && byte.is_ascii_digit())
    })
}

fn is_label_name(name: &str) -> bool {
    name.bytes().enumerate().all(|(index, byte)| {
        byte.is_ascii_alphabetic() || byte == b'_' || (index > 0 && byte.is_ascii_digit())
    })
}

/// The name with everything replaced that can't stand in one.
fn repaired(name: &str) -> String {
    let mut repaired: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == ':' { letter } else { '_' })
        .collect();
    if repaired.starts_with(|first: char| first.is_ascii_digit()) {
        repaired.insert(0, '_');
    }
    repaired
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: Kind, name: &str) -> String {
        metric_problem(kind, name, false).unwrap_or_default()
    }

    #[test]
    fn good_names_pass() {
        assert_eq!(problem(Kind::Calls, "jobs_total"), "");
        assert_eq!(problem(Kind::Calls, "ns:jobs_total"), "");
        assert_eq!(problem(Kind::Durations, "job_seconds"), "");
        assert_eq!(problem(Kind::Gauge, "queue_depth"), "");
        assert_eq!(problem(Kind::Histogram, "response_bytes"), "");
        assert_eq!(problem(Kind::Gauge, "terms"), "");
    }

    #[test]
    fn a_bad_name_comes_with_a_good_one() {
        assert_eq!(
            problem(Kind::Calls, "bad-name"),
            "`bad-name` is not a metric name: try `bad_name`"
        );
        assert_eq!(problem(Kind::Calls, "9s"), "`9s` is not a metric name: try `_9s`");
        assert_eq!(problem(Kind::Gauge, ""), "a metric needs a name");
        assert!(problem(Kind::Counter, "jobs").ends_with("`jobs_total`"));
        assert!(problem(Kind::Durations, "a_ms").ends_with("`a_seconds`"));
        assert!(problem(Kind::Durations, "a").ends_with("`a_seconds`"));
        assert!(problem(Kind::Gauge, "a_total").ends_with("`a`"));
        assert!(problem(Kind::Gauge, "a_ms").contains("`a_seconds`"));
        assert!(problem(Kind::Counter, "a_kb_total").contains("`a_bytes_total`"));
    }

    #[test]
    fn a_unit_excuses_a_foreign_ending_but_must_be_in_the_name() {
        assert_eq!(metric_problem(Kind::Gauge, "lag_ms", true), None);
        assert_eq!(unit_problem(Kind::Gauge, "lag_ms", "ms"), None);
        assert_eq!(unit_problem(Kind::Counter, "sent_bytes_total", "bytes"), None);
        let problem = unit_problem(Kind::Counter, "sent_total", "bytes").unwrap();
        assert!(problem.ends_with("`sent_bytes_total`"), "{problem}");
        assert!(unit_problem(Kind::Durations, "a_seconds", "ms").is_some());
    }

    #[test]
    fn the_names_of_others_are_refused() {
        assert!(problem(Kind::Counter, "headcount_x_total").contains("reserved"));
        assert!(problem(Kind::Calls, "function_calls_total").contains("#[counted]"));
    }
}
