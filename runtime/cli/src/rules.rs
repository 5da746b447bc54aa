//! `catalog --format rules`: recording rules and alerting rules for Prometheus.
//!
//! What is recorded has a name of the form that Prometheus' documentation recommends,
//! `level:metric:operations`. The level is `job` and the labels of the family: rules drop the
//! instance only. Alerts look at what is recorded, so both are in one file.

use std::collections::BTreeMap;
use std::iter;

use saphyr::{EmitError, Mapping, Scalar, Yaml, YamlEmitter};

use headcount::MetricType;

use super::catalog::{Catalog, Entry};
use super::promql::{RULE, is_plain, operator, quoted};

const QUANTILES: [&str; 3] = ["0.5", "0.9", "0.99"];

/// The first lines of the file.
const HEAD: &str = "\
# Made by `headcount catalog --format rules` from what is declared. Thresholds are a beginning:
# change them to what your program promises.
";

/// A recording rule.
struct Record<'a> {
    /// The family's name.
    family: &'a str,
    name: String,
    expression: String,
    labels: Vec<(&'static str, String)>,
}

/// An alerting rule.
struct Alert {
    name: &'static str,
    expression: String,
    /// For how long it must be true.
    pending: &'static str,
    labels: Vec<(&'static str, String)>,
    summary: String,
}

/// The rules, as a file of Prometheus.
pub(crate) fn of(catalog: &Catalog) -> Result<String, EmitError> {
    let families = catalog.families();
    let mut records: Vec<Record<'_>> = families.iter().flat_map(|entry| of_family(entry)).collect();
    let of_families = records.len();
    let failures = failures(catalog, &families);
    let (failing, ratios): (Vec<Failures<'_>>, Vec<Record<'_>>) = failures.into_iter().unzip();
    records.extend(ratios);
    distinguish(&mut records);
    let (records_of_families, ratios) = records.split_at(of_families);
    let mut alerts = of_every_directory(&catalog.prefix);
    alerts.extend(failing.iter().zip(ratios).map(|(of, ratio)| of.alert(ratio)));
    // Of a gauge that is a time there is one record at most.
    let age = |entry: &Entry| {
        records_of_families.iter().find(|record| record.family == entry.declared.name)
    };
    let oldest = families.iter().filter(|entry| is_oldest(entry));
    alerts.extend(oldest.filter_map(|entry| Some(hanging(entry, age(entry)?))));
    let groups = [
        ("headcount_records", records.iter().map(Record::yaml).collect()),
        ("headcount_alerts", alerts.iter().map(Alert::yaml).collect()),
    ];
    // Nothing may be declared yet.
    let groups = groups.into_iter().filter(|(_, rules): &(_, Vec<_>)| !rules.is_empty());
    let groups = groups
        .map(|(name, rules)| map([("name", text(name)), ("rules", Yaml::Sequence(rules))]))
        .collect();
    let file = map([("groups", Yaml::Sequence(groups))]);
    let mut out = String::from(HEAD);
    for sentence in catalog.note().split_inclusive(", ") {
        out.push_str("# ");
        out.push_str(sentence.trim_end());
        out.push('\n');
    }
    YamlEmitter::new(&mut out).dump(&file)?;
    out.push('\n');
    Ok(out)
}

// ---- what is recorded ----

fn of_family(entry: &Entry) -> Vec<Record<'_>> {
    let record = |metric: &str, operations: &str, expression| {
        Record::new(entry, &entry.label_names(), metric, operations, expression)
    };
    let name = entry.declared.name.as_str();
    match entry.declared.kind {
        // A counter loses the end of its name when it becomes a rate.
        MetricType::Counter => vec![record(base(name), "rate5m", RULE.rate(entry))],
        MetricType::Histogram | MetricType::Summary => {
            let mut records = vec![
                record(&format!("{name}_count"), "rate5m", RULE.rate(entry)),
                record(name, "mean5m", RULE.mean(entry)),
            ];
            if entry.declared.kind == MetricType::Histogram {
                records.extend(QUANTILES.map(|q| {
                    let labels = vec![("quantile", q.to_owned())];
                    let expression = RULE.quantile(entry, q);
                    Record { labels, ..record(name, "histogram_quantile_rate5m", expression) }
                }));
            }
            if entry.is_duration() {
                let metric = format!("{name}_per_live_process");
                records.push(record(&metric, "ratio_rate5m", RULE.saturation(entry)));
            }
            records
        }
        MetricType::Gauge if entry.is_time() => {
            operator(entry.declared.mode).map(|_| age(entry)).into_iter().collect()
        }
        MetricType::Gauge => {
            let operator = operator(entry.declared.mode);
            operator.map(|operator| record(name, operator, RULE.gauge(entry))).into_iter().collect()
        }
        // Texts, and states of single processes.
        _ => vec![],
    }
}

/// The greatest age over all instances, but of what happened last: the least.
fn age(entry: &Entry) -> Record<'_> {
    let metric = entry.declared.name.replace("_timestamp_seconds", "_age_seconds");
    let operation = if operator(entry.declared.mode) == Some("max") { "min" } else { "max" };
    Record::new(entry, &entry.label_names(), &metric, operation, RULE.age(entry))
}

/// Whose calls fail, to tell of them.
struct Failures<'a> {
    of: &'a Entry,
    labels: Vec<&'a str>,
}

/// The part of the calls that fail, of each counter with outcomes, and of annotated functions
/// without a name.
fn failures<'a>(catalog: &'a Catalog, families: &[&'a Entry]) -> Vec<(Failures<'a>, Record<'a>)> {
    let exceptions = catalog.family("function_exceptions_total");
    let calls = catalog.family("function_calls_total");
    let failures = |entry: &&'a Entry| {
        let of_shared = exceptions
            .filter(|_| calls.is_some_and(|calls| calls.declared.name == entry.declared.name));
        let ratios = [
            of_shared.map(|exceptions| RULE.failures_of_calls(exceptions, entry)),
            RULE.failures_by_outcome(entry),
        ];
        let ratios: Vec<String> = ratios.into_iter().flatten().collect();
        if ratios.is_empty() {
            return None;
        }
        let labels: Vec<&str> =
            entry.label_names().into_iter().filter(|label| *label != "outcome").collect();
        let name = base(&entry.declared.name);
        let metric = format!("{name}_failures_per_{name}");
        let record = Record::new(entry, &labels, &metric, "ratio_rate5m", ratios.join(" or "));
        Some((Failures { of: entry, labels }, record))
    };
    families.iter().filter_map(failures).collect()
}

/// Numbers the names that two families would have: a summary `x` and a counter `x_count_total`
/// have the same rate, and `a.b` is `a_b` without its dot. A family whose name is recorded as it is
/// keeps it, whatever else is declared.
fn distinguish(records: &mut [Record<'_>]) {
    let mut taken = BTreeMap::<String, &str>::new();
    let (first, others): (Vec<_>, Vec<_>) =
        records.iter_mut().partition(|record| plain(record.family) == record.family);
    for record in first.into_iter().chain(others) {
        let names = iter::once(record.name.clone()).chain((2..).map(|n| record.numbered(n)));
        // The quantiles of a histogram have one name, and labels.
        let is_free = |name: &String| taken.get(name).is_none_or(|of| *of == record.family);
        let name = names.into_iter().find(is_free).unwrap_or_default();
        taken.insert(name.clone(), record.family);
        record.name = name;
    }
}

fn base(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

impl<'a> Record<'a> {
    fn new(
        of: &'a Entry,
        labels: &[&str],
        metric: &str,
        operations: &str,
        expression: String,
    ) -> Self {
        let level = [&["job"], labels].concat().join("_");
        let name = plain(&format!("{level}:{metric}:{operations}"));
        Self { family: &of.declared.name, name, expression, labels: vec![] }
    }

    /// Another name, with a number behind the metric.
    fn numbered(&self, number: u32) -> String {
        let (metric, operations) = self.name.rsplit_once(':').unwrap_or((&self.name, ""));
        format!("{metric}_{number}:{operations}")
    }

    fn yaml(&self) -> Yaml<'static> {
        let mut rule = vec![("record", text(&self.name)), ("expr", text(&self.expression))];
        if !self.labels.is_empty() {
            rule.push(("labels", texts(&self.labels)));
        }
        map(rule)
    }
}

/// A name as all versions of Prometheus record it, with an underscore in place of anything else.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == ':';
    name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

// ---- what is alerted ----

/// What must not happen to a directory, whatever is counted in it.
fn of_every_directory(prefix: &str) -> Vec<Alert> {
    let [open, max] =
        ["open", "max"].map(|name| RULE.series(&format!("{prefix}process_{name}_fds"), &[]));
    let warning = |name, expression: String, pending, summary: &str| {
        Alert::new(name, expression, pending, "warning", summary.to_owned())
    };
    vec![
        warning(
            "HeadcountFilesSkipped",
            "sum without (reason) (headcount_files_skipped{reason!=\"set_aside\"}) > 0".to_owned(),
            "10m",
            "Files or declarations are left out of the page: run `headcount check`.",
        ),
        warning(
            "HeadcountNotShared",
            "headcount_shared == 0".to_owned(),
            "5m",
            "The process that is scraped counts for itself alone.",
        ),
        warning(
            "HeadcountSeriesDropped",
            "headcount_dropped_series > 0".to_owned(),
            "5m",
            "Series had no space, and what was recorded for them is lost.",
        ),
        warning(
            "HeadcountOperationsDropped",
            "increase(headcount_dropped_operations_total[10m]) > 0".to_owned(),
            "5m",
            "Operations were not recorded: no space, or invalid values.",
        ),
        Alert::new(
            "HeadcountNobodyLives",
            "sum without (state) (headcount_processes{state=\"live\"}) == 0".to_owned(),
            "5m",
            "critical",
            "No process that counts is alive.".to_owned(),
        ),
        warning(
            "FileDescriptorsRunOut",
            format!("{open} / {max} > 0.8"),
            "10m",
            "{{ $value | humanizePercentage }} of the descriptors that are allowed are open.",
        ),
    ]
}

impl Failures<'_> {
    fn alert(&self, ratio: &Record<'_>) -> Alert {
        let summary = format!(
            "{{{{ $value | humanizePercentage }}}} of what {} counts{} ends with an error or a \
             panic.",
            no_template(&self.of.declared.name),
            whose(&self.labels)
        );
        let expression = format!("{} > 0.05", ratio.name);
        Alert::new("FailureRatioHigh", expression, "10m", "warning", summary).of(self.of)
    }
}

fn is_oldest(entry: &Entry) -> bool {
    entry.declared.name.ends_with("_oldest_start_timestamp_seconds")
}

fn hanging(entry: &Entry, age: &Record<'_>) -> Alert {
    let summary = format!(
        "A call{} has been in flight for {{{{ $value | humanizeDuration }}}}.",
        whose(&entry.label_names())
    );
    let expression = format!("{} > 300", age.name);
    Alert::new("CallInFlightForLong", expression, "1m", "warning", summary).of(entry)
}

/// Names the series, in a template.
fn whose(labels: &[&str]) -> String {
    let value = |label: &&str| {
        let name = no_template(label);
        if is_plain(label, false) {
            format!("{name}={{{{ $labels.{label} }}}}")
        } else {
            format!("{name}={{{{ index $labels {} }}}}", quoted(label))
        }
    };
    let values: Vec<String> = labels.iter().map(value).collect();
    if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) }
}

/// A name in a template, whose braces are no instruction.
fn no_template(name: &str) -> String {
    name.replace("{{", "{{ \"{{\" }}")
}

impl Alert {
    fn new(
        name: &'static str,
        expression: String,
        pending: &'static str,
        severity: &str,
        summary: String,
    ) -> Self {
        let labels = vec![("severity", severity.to_owned())];
        Self { name, expression, pending, labels, summary }
    }

    /// Says which family it is about, so that those of several families can be told apart.
    fn of(mut self, entry: &Entry) -> Self {
        self.labels.push(("family", no_template(&entry.declared.name)));
        self
    }

    fn yaml(&self) -> Yaml<'static> {
        map([
            ("alert", text(self.name)),
            ("expr", text(&self.expression)),
            ("for", text(self.pending)),
            ("labels", texts(&self.labels)),
            ("annotations", map([("summary", text(&self.summary))])),
        ])
    }
}

// ---- YAML ----

fn text(text: &str) -> Yaml<'static> {
    Yaml::Value(Scalar::String(text.to_owned().into()))
}

fn texts(pairs: &[(&'static str, String)]) -> Yaml<'static> {
    map(pairs.iter().map(|(name, value)| (*name, text(value))))
}

fn map(pairs: impl IntoIterator<Item = (&'static str, Yaml<'static>)>) -> Yaml<'static> {
    let pairs = pairs.into_iter().map(|(name, value)| (text(name), value));
    Yaml::Mapping(pairs.collect::<Mapping<'static>>())
}
