//! `catalog --format rules`: alerting rules for Prometheus.

use std::fmt::Write;

use super::catalog::Entry;
use super::dashboard::{label_name, selector};

/// An alert: name, expression, for how long, severity, summary.
type Alert = (&'static str, String, &'static str, &'static str, &'static str);

/// What must not happen to a directory, whatever is counted in it.
fn of_every_directory() -> Vec<Alert> {
    vec![
        (
            "HeadcountFilesSkipped",
            "sum without (reason) (headcount_files_skipped{reason!=\"set_aside\"}) > 0".to_owned(),
            "10m",
            "warning",
            "Files or declarations are left out of the page: run `headcount check`.",
        ),
        (
            "HeadcountNotShared",
            "headcount_shared == 0".to_owned(),
            "5m",
            "warning",
            "The process that is scraped counts for itself alone.",
        ),
        (
            "HeadcountSeriesDropped",
            "headcount_dropped_series > 0".to_owned(),
            "5m",
            "warning",
            "Series had no space, and what was recorded for them is lost.",
        ),
        (
            "HeadcountOperationsDropped",
            "increase(headcount_dropped_operations_total[10m]) > 0".to_owned(),
            "5m",
            "warning",
            "Operations were not recorded: no space, or invalid values.",
        ),
        (
            "HeadcountNobodyLives",
            "sum without (state) (headcount_processes{state=\"live\"}) == 0".to_owned(),
            "5m",
            "critical",
            "No process that counts is alive.",
        ),
    ]
}

/// The rules, as a file of Prometheus.
pub(crate) fn of(entries: &[Entry]) -> String {
    let mut alerts = of_every_directory();
    alerts.extend(failing_functions(entries));
    let mut text = String::from("groups:\n  - name: headcount\n    rules:\n");
    for (name, expression, pending, severity, summary) in alerts {
        // Text in single quotes needs no escapes but for the quotes.
        let [expression, summary] = [&expression, summary].map(|text| text.replace('\'', "''"));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "      - alert: {name}\n        expr: '{expression}'\n        for: {pending}\n        \
             labels:\n          severity: {severity}\n        annotations:\n          \
             summary: '{summary}'\n"
        );
    }
    text
}

/// Annotated functions that fail, if both families are there.
fn failing_functions(entries: &[Entry]) -> Option<Alert> {
    let find = |name: &str| entries.iter().find(|entry| entry.declared.name == name);
    let errors = find("function_exceptions_total")?;
    let calls = find("function_calls_total")?;
    let labels: Vec<String> = errors.labels.iter().map(|label| label_name(label)).collect();
    let rate = |entry: &Entry| {
        format!("sum by ({}) (rate({}[5m]))", labels.join(", "), selector(entry, ""))
    };
    Some((
        "FunctionFails",
        format!("{} / {} > 0.05", rate(errors), rate(calls)),
        "10m",
        "warning",
        "More than 5 % of the calls of {{ $labels.function }} end with an error or a panic.",
    ))
}
