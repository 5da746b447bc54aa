//! What is asked of a family, as text in `PromQL`: rates, ratios, quantiles, and gauges as their
//! modes combine them.
//!
//! Dashboards and rules ask the same questions and differ in what they keep apart. A dashboard has
//! variables for job and instance, and adds up whatever they select. A rule drops the instance
//! only, so that labels which a scrape configuration adds stay. A [`Scope`] is that difference.

use headcount::{GaugeMode, MetricType};
use serde_json::Value;

use super::catalog::Entry;

/// The outcomes of a call that failed. A call that was cancelled did not.
const FAILED: &str = "outcome=~\"error|panic\"";

/// Which series a query looks at, over how long, and what stays apart when they are combined.
pub(crate) struct Scope {
    /// In every selector.
    matchers: &'static [&'static str],
    /// The range of a rate.
    range: &'static str,
    /// Whether to keep the labels of the family and no others, or all but the instance.
    keeps_own_labels_only: bool,
}

/// A panel of a dashboard.
pub(crate) const PANEL: Scope = Scope {
    matchers: &["job=~\"$job\"", "instance=~\"$instance\""],
    range: "$__rate_interval",
    keeps_own_labels_only: true,
};

/// A recording rule.
pub(crate) const RULE: Scope = Scope { matchers: &[], range: "5m", keeps_own_labels_only: false };

impl Scope {
    /// A selector of samples. A name that is none of the traditional ones stands in quotes.
    pub(crate) fn series(&self, name: &str, more: &[&str]) -> String {
        let quoted = (!is_plain(name, true)).then(|| quoted(name));
        let outside = if quoted.is_some() { "" } else { name };
        let inside: Vec<&str> = quoted
            .as_deref()
            .into_iter()
            .chain(self.matchers.iter().chain(more).copied())
            .collect();
        if inside.is_empty() {
            outside.to_owned()
        } else {
            format!("{outside}{{{}}}", inside.join(","))
        }
    }

    fn rate_of(&self, name: &str, more: &[&str]) -> String {
        format!("rate({}[{}])", self.series(name, more), self.range)
    }

    /// Combines series by `sum`, `min` or `max`, over all instances and without some labels.
    pub(crate) fn combined(
        &self,
        operator: &str,
        labels: &[&str],
        without: &[&str],
        expression: &str,
    ) -> String {
        let listed = |names: &[&str]| -> String {
            let names: Vec<String> = names.iter().map(|name| label_name(name)).collect();
            names.join(", ")
        };
        if self.keeps_own_labels_only {
            let kept: Vec<&str> =
                labels.iter().copied().filter(|label| !without.contains(label)).collect();
            if kept.is_empty() {
                format!("{operator}({expression})")
            } else {
                format!("{operator} by ({}) ({expression})", listed(&kept))
            }
        } else {
            let dropped = [&["instance"], without].concat();
            format!("{operator} without ({}) ({expression})", listed(&dropped))
        }
    }

    fn sum(&self, entry: &Entry, without: &[&str], expression: &str) -> String {
        self.combined("sum", &entry.label_names(), without, expression)
    }

    /// Events for each second: what a counter counts, or what a histogram or a summary observes.
    pub(crate) fn rate(&self, entry: &Entry) -> String {
        match entry.declared.kind {
            MetricType::Counter => self.sum(entry, &[], &self.rate_of(&entry.declared.name, &[])),
            _ => self.rate_of_part(entry, "count"),
        }
    }

    /// The rate of a part of a histogram or a summary: `sum` or `count`. Where a Prometheus stores
    /// native histograms, these are parts of one series; otherwise each is a series of its own.
    fn rate_of_part(&self, entry: &Entry, part: &str) -> String {
        let name = &entry.declared.name;
        let classic = self.sum(entry, &[], &self.rate_of(&format!("{name}_{part}"), &[]));
        if !entry.is_native() {
            return classic;
        }
        let native = format!("histogram_{part}({})", self.rate_of(name, &[]));
        format!("({} or {classic})", self.sum(entry, &[], &native))
    }

    /// The mean of what was observed. There is none if nothing was.
    pub(crate) fn mean(&self, entry: &Entry) -> String {
        let [sum, count] = ["sum", "count"].map(|part| self.rate_of_part(entry, part));
        format!("{sum} / ({count} > 0)")
    }

    /// A quantile of what was observed.
    pub(crate) fn quantile(&self, entry: &Entry, q: &str) -> String {
        let name = &entry.declared.name;
        let labels = [entry.label_names(), vec!["le"]].concat();
        let buckets = self.rate_of(&format!("{name}_bucket"), &[]);
        let buckets = self.combined("sum", &labels, &[], &buckets);
        let classic = format!("histogram_quantile({q}, {buckets})");
        if !entry.is_native() {
            return classic;
        }
        let native = self.sum(entry, &[], &self.rate_of(name, &[]));
        format!("histogram_quantile({q}, {native}) or {classic}")
    }

    /// The part of a counter's events whose outcome is a failure, if it has outcomes. There is none
    /// if nothing happened.
    pub(crate) fn failures_by_outcome(&self, entry: &Entry) -> Option<String> {
        if entry.declared.kind != MetricType::Counter || !entry.has_outcome() {
            return None;
        }
        let rate = |more: &[&str]| {
            self.sum(entry, &["outcome"], &self.rate_of(&entry.declared.name, more))
        };
        Some(format!("{} / ({} > 0)", rate(&[FAILED]), rate(&[])))
    }

    /// The part of the calls that failed, of functions for which failures have a counter of their
    /// own.
    pub(crate) fn failures_of_calls(&self, failures: &Entry, calls: &Entry) -> String {
        let rate =
            |entry: &Entry| self.sum(entry, &["outcome"], &self.rate_of(&entry.declared.name, &[]));
        format!("{} / ({} > 0)", rate(failures), rate(calls))
    }

    /// How busy the living processes are with what a duration measures: the seconds that it took in
    /// each second, for each of them. For a process that serves one call at a time, 1 is always.
    pub(crate) fn saturation(&self, entry: &Entry) -> String {
        let busy = self.rate_of_part(entry, "sum");
        let living = self.series("headcount_processes", &["state=\"live\""]);
        if self.keeps_own_labels_only {
            format!("{busy} / scalar(sum({living}))")
        } else {
            format!("{busy} / on (job) group_left () sum by (job) ({living})")
        }
    }

    /// A gauge, over all instances as its mode combines processes.
    pub(crate) fn gauge(&self, entry: &Entry) -> String {
        let series = self.series(&entry.declared.name, &[]);
        match operator(entry.declared.mode) {
            Some(operator) => self.combined(operator, &entry.label_names(), &[], &series),
            None => series,
        }
    }

    /// How long ago a time was. The least time is the greatest age.
    pub(crate) fn age(&self, entry: &Entry) -> String {
        let age = format!("time() - {}", self.series(&entry.declared.name, &[]));
        match operator(entry.declared.mode) {
            Some("max") => self.combined("min", &entry.label_names(), &[], &age),
            Some(_) => self.combined("max", &entry.label_names(), &[], &age),
            None => age,
        }
    }
}

/// What combines the values of several instances, as the mode does those of processes. The series
/// of single processes stay apart, and of the value that was set last nobody says when that was.
pub(crate) fn operator(mode: Option<GaugeMode>) -> Option<&'static str> {
    match mode? {
        GaugeMode::Sum | GaugeMode::LiveSum => Some("sum"),
        GaugeMode::Min | GaugeMode::LiveMin => Some("min"),
        GaugeMode::Max | GaugeMode::LiveMax => Some("max"),
        _ => None,
    }
}

/// A label's name in a list of them.
fn label_name(name: &str) -> String {
    if is_plain(name, false) { name.to_owned() } else { quoted(name) }
}

/// Whether a name needs no quotes.
pub(crate) fn is_plain(name: &str, may_have_colons: bool) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && may_have_colons);
    name.chars().all(is_plain) && name.chars().next().is_some_and(|c| !c.is_ascii_digit())
}

/// Text in the quotes of `PromQL`, which knows all escapes that JSON uses.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
