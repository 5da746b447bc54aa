//! The rules for what a declaration says: names, labels, units and help texts.
//!
//! Macros check declarations in the source with them, and the library checks those that are made
//! at run time. It has this file as a symbolic link, `runtime/src/model/rules.rs`, so both have
//! the same rules and the same messages. The file is pure, and names nothing of its crate.

/// What a family holds, as far as its name depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Counter,
    /// A histogram or a summary of durations, which are exported in seconds.
    Durations,
    Info,
    StateSet,
    /// A gauge, and a histogram or a summary of plain values.
    Value,
    /// The type has a name that a macro does not know. The compiler checks the ending.
    #[allow(dead_code, reason = "at run time, all types are known")]
    Unknown,
}

impl Class {
    pub(crate) fn is_counter(self) -> bool {
        self == Self::Counter
    }
}

/// Labels that the exposition, the collector or Prometheus itself adds.
pub(crate) const RESERVED_LABELS: [&str; 3] = ["le", "quantile", "pid"];

/// The families that all annotated functions share, each with its attribute.
pub(crate) const SHARED: [(&str, &str); 5] = [
    ("function_calls_total", "counted"),
    ("function_calls_duration_seconds", "timed"),
    ("function_calls_concurrent", "in_progress"),
    ("function_calls_concurrent_oldest_start_timestamp_seconds", "in_progress(oldest)"),
    ("function_exceptions_total", "count_exceptions"),
];

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

/// The greatest maximum number of series of a family in one process.
pub(crate) const MOST_SERIES: u64 = 1_000_000;

/// What is wrong with a family's name, if anything: its characters, or its ending. The part before
/// the name (a namespace) has been checked, and suggestions leave it out.
pub(crate) fn name_problem(
    class: Class,
    beginning: &str,
    name: &str,
    has_unit: bool,
) -> Option<String> {
    let full = format!("{beginning}{name}");
    let own = |suggested: &str| suggested.strip_prefix(beginning).unwrap_or(suggested).to_owned();
    if name.is_empty() {
        return Some("a metric needs a name".to_owned());
    }
    if !is_metric_name(&full) {
        return Some(format!("`{name}` is not a metric name: try `{}`", own(&repaired(&full))));
    }
    reserved_name_problem(&full).or_else(|| ending_problem(class, &full, has_unit, own))
}

/// What is wrong with a name that belongs to somebody else.
pub(crate) fn reserved_name_problem(name: &str) -> Option<String> {
    if name.starts_with("headcount_") {
        return Some(format!(
            "`{name}` is reserved: names that begin with `headcount_` are for the \
             library's own metrics"
        ));
    }
    let (_, attribute) = SHARED.iter().find(|(shared, _)| *shared == name)?;
    Some(format!(
        "`{name}` is the family of every `#[{attribute}]` that has no `name`: choose another name"
    ))
}

/// Checks the ending, so that samples of one kind of metric can't be mistaken for another's, and
/// values have base units.
pub(crate) fn ending_problem(
    class: Class,
    name: &str,
    has_unit: bool,
    own: impl Fn(&str) -> String,
) -> Option<String> {
    let foreign = FOREIGN_UNITS.iter().find_map(|(end, base)| {
        Some((name.strip_suffix("_total").unwrap_or(name).strip_suffix(end)?, base))
    });
    if class == Class::Durations {
        if name.ends_with("_seconds") {
            return None;
        }
        let stem = foreign.map_or(name, |(stem, _)| stem).trim_end_matches("_total");
        return Some(format!(
            "durations are exported in seconds, and the name must end in that: `{}`",
            own(&format!("{stem}_seconds"))
        ));
    }
    if let Some(problem) = suffix_problem(class, name, &own) {
        return Some(problem);
    }
    let has_no_unit = has_unit || matches!(class, Class::Info | Class::StateSet);
    if let (Some((stem, base)), false) = (foreign, has_no_unit) {
        let total = if class.is_counter() { "_total" } else { "" };
        return Some(format!(
            "metrics are exported in base units: use `{}`, or declare the unit \
             with `unit = \"..\"`",
            own(&format!("{stem}_{base}{total}"))
        ));
    }
    None
}

fn suffix_problem(class: Class, name: &str, own: impl Fn(&str) -> String) -> Option<String> {
    let (whose, ending) = match class {
        Class::Unknown => return None,
        Class::Info => ("an info", "_info"),
        Class::Counter => ("a counter", "_total"),
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

/// What is wrong with a unit, or with a name that doesn't end in it.
pub(crate) fn unit_problem(
    class: Class,
    beginning: &str,
    name: &str,
    unit: &str,
) -> Option<String> {
    if let Some(problem) = unit_word_problem(class, unit) {
        return Some(problem);
    }
    let full = format!("{beginning}{name}");
    let stem =
        if class.is_counter() { full.strip_suffix("_total").unwrap_or(&full) } else { &full };
    if stem.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')) {
        return None;
    }
    let total = if class.is_counter() { "_total" } else { "" };
    let better = format!("{stem}_{unit}{total}");
    let better = better.strip_prefix(beginning).unwrap_or(&better);
    Some(format!("the name must end in the unit: `{better}`"))
}

/// What is wrong with a unit, whatever the name.
pub(crate) fn unit_word_problem(class: Class, unit: &str) -> Option<String> {
    match class {
        Class::Info => return Some("an info has no unit: its value is always 1".to_owned()),
        Class::StateSet => {
            return Some("a state set has no unit: its values are 1 and 0".to_owned());
        }
        _ => {}
    }
    if unit.is_empty() || !unit.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Some(format!("`{unit}` is not a unit: use letters, digits and `_`, as in `bytes`"));
    }
    (class == Class::Durations && unit != "seconds")
        .then(|| "durations are exported in seconds".to_owned())
}

/// What is wrong with a family's name that may be any text, apart from its ending.
pub(crate) fn utf8_metric_problem(name: &str) -> Option<String> {
    // A page in the older format shows such a name with underscores.
    utf8_name_problem(name).or_else(|| reserved_name_problem(&repaired(name)))
}

/// What is wrong with a label whose name may be any text.
pub(crate) fn utf8_label_problem(name: &str) -> Option<String> {
    utf8_name_problem(name).or_else(|| reserved_label_problem(name))
}

/// What is wrong with a name that may be any text. Spaces and control characters are refused: a
/// page that shows them is unreadable, and no instrumentation has such names on purpose.
pub(crate) fn utf8_name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a name is empty".to_owned());
    }
    let is_wrong = |letter: &char| letter.is_whitespace() || letter.is_control();
    let wrong = name.chars().find(is_wrong)?;
    Some(format!("`{name}` is not a name: it contains {wrong:?}"))
}

/// What is wrong with a histogram of this name that has no buckets of its own.
pub(crate) fn no_buckets_problem(name: &str) -> Option<String> {
    let is_apart = |before: &str| before.ends_with(|letter: char| !letter.is_alphanumeric());
    if name.strip_suffix("seconds").is_some_and(is_apart) {
        return None;
    }
    let problem = "a histogram that is not in seconds needs `buckets`: the default ones range from \
                   5 milliseconds to 10 seconds";
    Some(problem.to_owned())
}

/// What is wrong with the name of a label.
pub(crate) fn label_problem(name: &str) -> Option<String> {
    if !is_label_name(name) {
        return Some(format!("`{name}` is not a label name: use letters, digits and `_`"));
    }
    reserved_label_problem(name)
}

/// What is wrong with a label whose name the exposition, the collector or Prometheus uses.
pub(crate) fn reserved_label_problem(name: &str) -> Option<String> {
    if RESERVED_LABELS.contains(&name) {
        return Some(format!("the label `{name}` is reserved"));
    }
    name.starts_with("__")
        .then(|| format!("the label `{name}` is reserved, like all that begin with `__`"))
}

/// What is wrong with a help text.
pub(crate) fn help_problem(help: &str) -> Option<String> {
    let problem = "`help` is empty: describe in a sentence what is counted";
    help.trim().is_empty().then(|| problem.to_owned())
}

/// What is wrong with the maximum number of a family's series.
pub(crate) fn max_series_problem(number: u64) -> Option<String> {
    let is_fine = (1..=MOST_SERIES).contains(&number);
    (!is_fine).then(|| format!("`max_series` is a number from 1 to {MOST_SERIES}"))
}

/// What is wrong with the schema of a native histogram.
pub(crate) fn schema_problem(schema: u64) -> Option<&'static str> {
    (schema > 5).then_some(
        "a schema is a number from 0 to 5: there are 2 to the power of it buckets between 1 and 2, \
         and as many for every other power of two",
    )
}

pub(crate) fn is_metric_name(name: &str) -> bool {
    name.bytes().enumerate().all(|(index, byte)| {
        byte.is_ascii_alphabetic()
            || byte == b'_'
            || byte == b':'
            || (index > 0 && byte.is_ascii_digit())
    })
}

fn is_label_name(name: &str) -> bool {
    let is_letter = |(index, byte): (usize, u8)| {
        byte.is_ascii_alphabetic() || byte == b'_' || (index > 0 && byte.is_ascii_digit())
    };
    !name.is_empty() && name.bytes().enumerate().all(is_letter)
}

/// The name with `_` in place of every character that is not allowed.
pub(crate) fn repaired(name: &str) -> String {
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

    fn problem(class: Class, name: &str) -> String {
        name_problem(class, "", name, false).unwrap_or_default()
    }

    #[test]
    fn good_names_pass() {
        assert_eq!(problem(Class::Counter, "jobs_total"), "");
        assert_eq!(problem(Class::Counter, "ns:jobs_total"), "");
        assert_eq!(problem(Class::Durations, "job_seconds"), "");
        assert_eq!(problem(Class::Value, "queue_depth"), "");
        assert_eq!(problem(Class::Value, "response_bytes"), "");
        assert_eq!(problem(Class::Value, "terms"), "");
    }

    #[test]
    fn a_bad_name_comes_with_a_good_one() {
        assert_eq!(
            problem(Class::Counter, "bad-name"),
            "`bad-name` is not a metric name: try `bad_name`"
        );
        assert_eq!(problem(Class::Counter, "9s"), "`9s` is not a metric name: try `_9s`");
        assert_eq!(problem(Class::Value, ""), "a metric needs a name");
        assert!(problem(Class::Counter, "jobs").ends_with("`jobs_total`"));
        assert!(problem(Class::Durations, "a_ms").ends_with("`a_seconds`"));
        assert!(problem(Class::Durations, "a").ends_with("`a_seconds`"));
        assert!(problem(Class::Value, "a_total").ends_with("`a`"));
        assert!(problem(Class::Value, "a_ms").contains("`a_seconds`"));
        assert!(problem(Class::Counter, "a_kb_total").contains("`a_bytes_total`"));
    }

    #[test]
    fn a_unit_excuses_a_foreign_ending_but_must_be_in_the_name() {
        assert_eq!(name_problem(Class::Value, "", "lag_ms", true), None);
        assert_eq!(unit_problem(Class::Value, "", "lag_ms", "ms"), None);
        assert_eq!(unit_problem(Class::Counter, "", "sent_bytes_total", "bytes"), None);
        let problem = unit_problem(Class::Counter, "", "sent_total", "bytes").unwrap();
        assert!(problem.ends_with("`sent_bytes_total`"), "{problem}");
        assert!(unit_problem(Class::Durations, "", "a_seconds", "ms").is_some());
    }

    #[test]
    fn each_kind_has_its_endings() {
        assert_eq!(problem(Class::Counter, "events_created_total"), "");
        assert_eq!(problem(Class::Info, "build_info"), "");
        assert_eq!(problem(Class::StateSet, "worker_phase"), "");
        // A state set measures nothing, so `_days` is not a unit here.
        assert_eq!(problem(Class::StateSet, "open_days"), "");
        assert!(problem(Class::Info, "build").ends_with("`build_info`"));
        assert!(problem(Class::Info, "build_total").ends_with("`build_info`"));
        for class in [Class::Value, Class::StateSet] {
            for ending in ["_total", "_info", "_created", "_bucket", "_sum", "_count"] {
                assert!(
                    problem(class, &format!("a{ending}")).ends_with("`a`"),
                    "{class:?} {ending}"
                );
            }
        }
        assert!(unit_problem(Class::Info, "", "a_info", "info").is_some());
        assert!(unit_problem(Class::StateSet, "", "a_states", "states").is_some());
    }

    #[test]
    fn a_name_is_checked_with_the_part_before_it_and_suggested_without() {
        let problem = |class, before, name| name_problem(class, before, name, false);
        assert_eq!(problem(Class::Counter, "shop_", "jobs_total"), None);
        assert_eq!(problem(Class::Counter, "shop_", "total"), None);
        assert_eq!(problem(Class::Value, "shop_", "1st"), None);
        assert!(problem(Class::Counter, "shop_", "jobs").unwrap().ends_with("`jobs_total`"));
        assert!(problem(Class::Durations, "lag_", "ms").unwrap().ends_with("`seconds`"));
        assert!(problem(Class::Value, "shop_", "a-b").unwrap().ends_with("`a_b`"));
        let shared = problem(Class::Counter, "function_", "calls_total").unwrap();
        assert!(shared.contains("#[counted]"), "{shared}");
        let unit = unit_problem(Class::Counter, "shop_", "sent_total", "bytes").unwrap();
        assert!(unit.ends_with("`sent_bytes_total`"), "{unit}");
    }

    #[test]
    fn the_names_of_others_are_refused() {
        assert!(problem(Class::Counter, "headcount_x_total").contains("reserved"));
        assert!(problem(Class::Counter, "function_calls_total").contains("#[counted]"));
    }
}
