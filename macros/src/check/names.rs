//! The rules for metric names, label names, units and help texts.

use proc_macro2::Ident;
use syn::LitStr;
use syn::ext::IdentExt;

use crate::kind::{Attribute, Kind};
use crate::parse::full_name::{FullName, Part};
use crate::report::errors::Errors;

/// Labels that the exposition, the collector or Prometheus itself adds.
const RESERVED_LABELS: [&str; 3] = ["le", "quantile", "pid"];

/// Endings that belong to one kind of metric, and the message for names of other kinds.
const RESERVED_ENDINGS: [(&str, &str); 6] = [
    ("_total", "only a counter's name ends in `_total`"),
    ("_info", "only an info's name ends in `_info`"),
    ("_created", "`_created` is reserved for samples with the time when a series was created"),
    ("_bucket", "`_bucket` is reserved for the samples of histograms"),
    ("_sum", "`_sum` is reserved for the samples of histograms and summaries"),
    ("_count", "`_count` is reserved for the samples of histograms and summaries"),
];

/// Endings that are units other than base units, each with its base unit.
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
    if let Some(problem) = metric_problem(kind, &beginning, &text, unit.is_some()) {
        errors.on(&name.name, problem);
        return;
    }
    if let Some(unit) = unit {
        if let Some(problem) = unit_problem(kind, &beginning, &text, &unit.value()) {
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

/// What is wrong with a name, if anything. The part before it has been checked, and suggestions
/// leave it out.
fn metric_problem(kind: Kind, beginning: &str, name: &str, has_unit: bool) -> Option<String> {
    let full = format!("{beginning}{name}");
    let own = |suggested: &str| suggested.strip_prefix(beginning).unwrap_or(suggested).to_owned();
    if name.is_empty() {
        return Some("a metric needs a name".to_owned());
    }
    if !is_metric_name(&full) {
        return Some(format!("`{name}` is not a metric name: try `{}`", own(&repaired(&full))));
    }
    if full.starts_with("headcount_") {
        return Some(format!(
            "`{full}` is reserved: names that begin with `headcount_` are for the \
             library's own metrics"
        ));
    }
    let shared =
        [Attribute::Counted, Attribute::Timed, Attribute::InProgress, Attribute::CountExceptions];
    if let Some(attribute) = shared.into_iter().find(|shared| shared.shared_family() == full) {
        return Some(format!(
            "`{full}` is the family of every `#[{}]` that has no `name`: choose another name",
            attribute.name()
        ));
    }
    let foreign = FOREIGN_UNITS.iter().find_map(|(end, base)| {
        Some((full.strip_suffix("_total").unwrap_or(&full).strip_suffix(end)?, base))
    });
    if kind == Kind::Durations {
        if full.ends_with("_seconds") {
            return None;
        }
        let stem = foreign.map_or(&*full, |(stem, _)| stem).trim_end_matches("_total");
        return Some(format!(
            "durations are exported in seconds, and the name must end in that: `{}`",
            own(&format!("{stem}_seconds"))
        ));
    }
    if let Some(problem) = ending_problem(kind, &full, own) {
        return Some(problem);
    }
    let has_no_unit = has_unit || matches!(kind, Kind::Info | Kind::StateSet);
    if let (Some((stem, base)), false) = (foreign, has_no_unit) {
        let total = if kind.is_counter() { "_total" } else { "" };
        return Some(format!(
            "metrics are exported in base units: use `{}`, or declare the unit \
             with `unit = \"..\"`",
            own(&format!("{stem}_{base}{total}"))
        ));
    }
    None
}

/// Checks the ending, so that samples of one kind of metric can't be mistaken for another's.
fn ending_problem(kind: Kind, name: &str, own: impl Fn(&str) -> String) -> Option<String> {
    if kind == Kind::Unknown {
        return None;
    }
    let (whose, ending) = match kind {
        Kind::Info => ("an info", "_info"),
        kind if kind.is_counter() => ("a counter", "_total"),
        _ => {
            let (ending, problem) =
                RESERVED_ENDINGS.iter().find(|(ending, _)| name.ends_with(ending))?;
            let stem = own(name.strip_suffix(ending).unwrap_or(name));
            return Some(format!("{problem}: `{stem}`"));
        }
    };
    if name.ends_with(ending) {
        return None;
    }
    let stem = name.strip_suffix("_total").unwrap_or(name);
    Some(format!("{whose}'s name ends in `{ending}`: `{}`", own(&format!("{stem}{ending}"))))
}

fn unit_problem(kind: Kind, beginning: &str, name: &str, unit: &str) -> Option<String> {
    match kind {
        Kind::Info => return Some("an info has no unit: its value is always 1".to_owned()),
        Kind::StateSet => {
            return Some("a state set has no unit: its values are 1 and 0".to_owned());
        }
        _ => {}
    }
    if unit.is_empty() || !unit.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Some(format!("`{unit}` is not a unit: use letters, digits and `_`, as in `bytes`"));
    }
    if kind == Kind::Durations && unit != "seconds" {
        return Some("durations are exported in seconds".to_owned());
    }
    let full = format!("{beginning}{name}");
    let stem = if kind.is_counter() { full.strip_suffix("_total").unwrap_or(&full) } else { &full };
    if stem.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')) {
        return None;
    }
    let total = if kind.is_counter() { "_total" } else { "" };
    let better = format!("{stem}_{unit}{total}");
    let better = better.strip_prefix(beginning).unwrap_or(&better);
    Some(format!("the name must end in the unit: `{better}`"))
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
    if !is_label_name(&name) {
        errors.on(label, format!("`{name}` is not a label name: use letters, digits and `_`"));
    } else if RESERVED_LABELS.contains(&name.as_str()) {
        errors.on(label, format!("the label `{name}` is reserved"));
    } else if name.starts_with("__") {
        errors.on(label, format!("the label `{name}` is reserved, like all that begin with `__`"));
    } else if outcome && name == "outcome" {
        errors.on(label, "the flag `outcome` adds the label `outcome` already");
    }
}

/// Checks a help text.
pub(crate) fn check_help(help: &LitStr, errors: &mut Errors) {
    if help.value().trim().is_empty() {
        errors.on(help, "`help` is empty: describe in a sentence what is counted");
    }
}

/// Whether names that begin like this are reserved for the library.
fn is_our_own(beginning: &str) -> bool {
    beginning == "headcount" || beginning.starts_with("headcount_")
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

/// The name with `_` in place of every character that is not allowed.
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
        metric_problem(kind, "", name, false).unwrap_or_default()
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
        assert_eq!(metric_problem(Kind::Gauge, "", "lag_ms", true), None);
        assert_eq!(unit_problem(Kind::Gauge, "", "lag_ms", "ms"), None);
        assert_eq!(unit_problem(Kind::Counter, "", "sent_bytes_total", "bytes"), None);
        let problem = unit_problem(Kind::Counter, "", "sent_total", "bytes").unwrap();
        assert!(problem.ends_with("`sent_bytes_total`"), "{problem}");
        assert!(unit_problem(Kind::Durations, "", "a_seconds", "ms").is_some());
    }

    #[test]
    fn each_kind_has_its_endings() {
        assert_eq!(problem(Kind::Counter, "events_created_total"), "");
        assert_eq!(problem(Kind::Info, "build_info"), "");
        assert_eq!(problem(Kind::StateSet, "worker_phase"), "");
        // A state set measures nothing, so `_days` is not a unit here.
        assert_eq!(problem(Kind::StateSet, "open_days"), "");
        assert!(problem(Kind::Info, "build").ends_with("`build_info`"));
        assert!(problem(Kind::Info, "build_total").ends_with("`build_info`"));
        for kind in [Kind::Gauge, Kind::InProgress, Kind::StateSet, Kind::Histogram, Kind::Summary]
        {
            for ending in ["_total", "_info", "_created", "_bucket", "_sum", "_count"] {
                assert!(problem(kind, &format!("a{ending}")).ends_with("`a`"), "{kind:?} {ending}");
            }
        }
        assert!(unit_problem(Kind::Info, "", "a_info", "info").is_some());
        assert!(unit_problem(Kind::StateSet, "", "a_states", "states").is_some());
    }

    #[test]
    fn a_name_is_checked_with_the_part_before_it_and_suggested_without() {
        let problem = |kind, before, name| metric_problem(kind, before, name, false);
        assert_eq!(problem(Kind::Counter, "shop_", "jobs_total"), None);
        assert_eq!(problem(Kind::Counter, "shop_", "total"), None);
        assert_eq!(problem(Kind::Gauge, "shop_", "1st"), None);
        assert!(problem(Kind::Counter, "shop_", "jobs").unwrap().ends_with("`jobs_total`"));
        assert!(problem(Kind::Durations, "lag_", "ms").unwrap().ends_with("`seconds`"));
        assert!(problem(Kind::Gauge, "shop_", "a-b").unwrap().ends_with("`a_b`"));
        let shared = problem(Kind::Calls, "function_", "calls_total").unwrap();
        assert!(shared.contains("#[counted]"), "{shared}");
        let unit = unit_problem(Kind::Counter, "shop_", "sent_total", "bytes").unwrap();
        assert!(unit.ends_with("`sent_bytes_total`"), "{unit}");
    }

    #[test]
    fn the_names_of_others_are_refused() {
        assert!(problem(Kind::Counter, "headcount_x_total").contains("reserved"));
        assert!(problem(Kind::Calls, "function_calls_total").contains("#[counted]"));
    }
}
