//! What a dashboard draws: functions by rate, errors, latency, saturation, calls in progress and
//! the oldest of them; then each family; then the processes, and headcount itself.

use headcount::MetricType;

use super::catalog::{Catalog, Entry};
use super::promql::{PANEL, operator};

/// A heading with panels below it.
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) panels: Vec<Panel>,
}

#[derive(PartialEq, Eq)]
pub(crate) enum Chart {
    Lines,
    /// Of labels: what is no number has no lines.
    Table,
}

/// A chart.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) description: String,
    /// Grafana's name of it.
    pub(crate) unit: &'static str,
    /// Whether the axis begins at 0: that of a rate does, and a gauge has a range of its own.
    pub(crate) is_from_zero: bool,
    pub(crate) chart: Chart,
    /// Legends and queries.
    pub(crate) queries: Vec<(String, String)>,
}

impl Panel {
    fn new(title: impl Into<String>, description: impl Into<String>, unit: &'static str) -> Self {
        let (title, description) = (title.into(), description.into());
        let queries = Vec::new();
        Self { title, description, unit, is_from_zero: true, chart: Chart::Lines, queries }
    }

    fn query(mut self, legend: impl Into<String>, query: impl Into<String>) -> Self {
        self.queries.push((legend.into(), query.into()));
        self
    }
}

const QUANTILES: [(&str, &str); 3] = [("p50", "0.5"), ("p90", "0.9"), ("p99", "0.99")];

const OF_SATURATION: &str = "\
    Seconds that it took in each second, for each living process. For a process that serves one \
    call at a time, 1 means that it always does.";
const OF_FAILURES: &str = "The part that ended with an error or a panic.";
const OF_OLDEST: &str =
    "For how long the oldest call in flight has been going on. Without one there is no line.";

/// All rows that have something to draw.
pub(crate) fn rows(catalog: &Catalog) -> Vec<Row> {
    let shared = [
        "function_calls_total",
        "function_exceptions_total",
        "function_calls_duration_seconds",
        "function_calls_concurrent",
        "function_calls_concurrent_oldest_start_timestamp_seconds",
    ];
    let shared = shared.map(|name| catalog.family(name));
    let is_shared = |entry: &&Entry| {
        shared.iter().flatten().any(|known| known.declared.name == entry.declared.name)
    };
    let families = catalog.families();
    let others = families.into_iter().filter(|entry| !is_shared(entry));
    let rows = [
        Row { title: "Functions", panels: of_functions(shared) },
        Row { title: "Metrics", panels: others.flat_map(of_family).collect() },
        Row { title: "Processes", panels: of_processes(&catalog.prefix) },
        Row { title: "headcount", panels: of_headcount() },
    ];
    rows.into_iter().filter(|row| !row.panels.is_empty()).collect()
}

/// Functions that are annotated without a name share their families.
fn of_functions(shared: [Option<&Entry>; 5]) -> Vec<Panel> {
    let [calls, failures, durations, in_progress, oldest] = shared;
    let mut panels = Vec::new();
    if let Some(calls) = calls {
        panels.push(rate(calls, "Calls"));
        let by_counter = failures.map(|failures| PANEL.failures_of_calls(failures, calls));
        let ratio = [by_counter, PANEL.failures_by_outcome(calls)];
        let ratio: Vec<String> = ratio.into_iter().flatten().collect();
        if !ratio.is_empty() {
            let ratio = Panel::new("Error ratio", OF_FAILURES, "percentunit")
                .query(legend_without_outcome(calls), ratio.join(" or "));
            panels.push(ratio);
        }
    } else {
        panels.extend(failures.map(|failures| rate(failures, "Failed calls")));
    }
    if let Some(durations) = durations {
        panels.push(quantiles(durations, "Latency"));
        panels.push(saturation(durations, "Saturation"));
    }
    if let Some(entry) = in_progress {
        panels.push(gauge(entry, "In progress"));
    }
    if let Some(entry) = oldest {
        panels.push(age(entry, "Oldest call in flight", OF_OLDEST));
    }
    panels
}

/// A family of its own.
fn of_family(entry: &Entry) -> Vec<Panel> {
    let name = &entry.declared.name;
    match entry.declared.kind {
        MetricType::Counter => {
            let ratio = PANEL.failures_by_outcome(entry).map(|ratio| {
                Panel::new(format!("{name}: error ratio"), OF_FAILURES, "percentunit")
                    .query(legend_without_outcome(entry), ratio)
            });
            [rate(entry, name)].into_iter().chain(ratio).collect()
        }
        MetricType::Histogram => {
            let saturation =
                entry.is_duration().then(|| saturation(entry, &format!("{name}: saturation")));
            let rate = rate(entry, &format!("{name}: rate"));
            [rate, quantiles(entry, name)].into_iter().chain(saturation).collect()
        }
        MetricType::Summary => {
            let mean = Panel::new(format!("{name}: mean"), &entry.declared.help, unit(entry))
                .query(legend(entry), PANEL.mean(entry));
            vec![rate(entry, &format!("{name}: rate")), mean]
        }
        MetricType::Info => {
            let mut table = Panel::new(name, &entry.declared.help, "none");
            table.chart = Chart::Table;
            let labels = entry.label_names();
            let series = PANEL.series(name, &[]);
            vec![table.query("", PANEL.combined("max", &labels, &[], &series))]
        }
        _ if name.ends_with("_oldest_start_timestamp_seconds") => {
            vec![age(entry, name, OF_OLDEST)]
        }
        _ if entry.is_time() => vec![age(entry, name, "How long ago that was.")],
        _ => vec![gauge(entry, name)],
    }
}

fn rate(entry: &Entry, title: &str) -> Panel {
    let unit = match (entry.declared.kind, entry.unit()) {
        (MetricType::Counter, "bytes") => "Bps",
        // Seconds in each second.
        (MetricType::Counter, "seconds") => "none",
        _ => "cps",
    };
    Panel::new(title, &entry.declared.help, unit).query(legend(entry), PANEL.rate(entry))
}

fn quantiles(entry: &Entry, title: &str) -> Panel {
    let panel = Panel::new(title, &entry.declared.help, unit(entry));
    QUANTILES.into_iter().fold(panel, |panel, (name, q)| {
        panel.query(format!("{name} {}", legend(entry)), PANEL.quantile(entry, q))
    })
}

fn saturation(entry: &Entry, title: &str) -> Panel {
    Panel::new(title, OF_SATURATION, "none").query(legend(entry), PANEL.saturation(entry))
}

fn gauge(entry: &Entry, title: &str) -> Panel {
    let mode = entry.declared.mode.map(|mode| format!(" Mode: {mode}.")).unwrap_or_default();
    let mut panel = Panel::new(title, format!("{}{mode}", entry.declared.help), unit(entry));
    panel.is_from_zero = false;
    panel.query(legend_of_gauge(entry), PANEL.gauge(entry))
}

fn age(entry: &Entry, title: &str, description: &str) -> Panel {
    let description = format!("{} {description}", entry.declared.help);
    Panel::new(title, description, "s").query(legend_of_gauge(entry), PANEL.age(entry))
}

/// Grafana's name of a family's unit.
fn unit(entry: &Entry) -> &'static str {
    match entry.unit() {
        "seconds" => "s",
        "bytes" => "bytes",
        "ratio" => "percentunit",
        "celsius" => "celsius",
        _ => "short",
    }
}

fn legend_of(entry: &Entry, labels: &[&str]) -> String {
    if labels.is_empty() {
        return entry.declared.name.clone();
    }
    let labels: Vec<String> = labels.iter().map(|label| format!("{{{{{label}}}}}")).collect();
    labels.join(" ")
}

fn legend(entry: &Entry) -> String {
    legend_of(entry, &entry.label_names())
}

fn legend_without_outcome(entry: &Entry) -> String {
    let labels = entry.label_names();
    let labels: Vec<&str> = labels.into_iter().filter(|label| *label != "outcome").collect();
    legend_of(entry, &labels)
}

/// The series of several instances stay apart if nothing combines them.
fn legend_of_gauge(entry: &Entry) -> String {
    if operator(entry.declared.mode).is_some() {
        legend(entry)
    } else {
        legend_of(entry, &[vec!["instance"], entry.label_names()].concat())
    }
}

/// What the kernel says. The page has these families with the feature `process` of the library, and
/// from `headcount serve`.
fn of_processes(prefix: &str) -> Vec<Panel> {
    let sum = |name: &str| {
        PANEL.combined("sum", &[], &[], &PANEL.series(&format!("{prefix}process_{name}"), &[]))
    };
    let cpu = PANEL.series(&format!("{prefix}process_cpu_seconds_total"), &[]);
    let needs = "`headcount serve` shows it, and `Collector::process_metrics`.";
    vec![
        Panel::new("Processes", "Those that count, without archived ones.", "short").query(
            "{{state}}",
            PANEL.combined("sum", &["state"], &[], &PANEL.series("headcount_processes", &[])),
        ),
        Panel::new("CPU", format!("Processors in use. {needs}"), "none")
            .query("CPU", format!("sum(rate({cpu}[$__rate_interval]))")),
        Panel::new("Memory", format!("Resident memory. {needs}"), "bytes")
            .query("resident", sum("resident_memory_bytes")),
        Panel::new("Threads", format!("Threads. {needs}"), "short")
            .query("threads", sum("threads")),
        Panel::new(
            "File descriptors",
            format!("Open ones, as a part of what the limit allows. {needs}"),
            "percentunit",
        )
        .query("open", format!("{} / {}", sum("open_fds"), sum("max_fds"))),
    ]
}

/// How headcount itself is. A page without the collector's own families does not say.
fn of_headcount() -> Vec<Panel> {
    let series = |name: &str| PANEL.series(name, &[]);
    let range = "$__rate_interval";
    vec![
        Panel::new("Files left out", "By reason: run `headcount check`.", "short").query(
            "{{reason}}",
            PANEL.combined("sum", &["reason"], &[], &series("headcount_files_skipped")),
        ),
        Panel::new("Not recorded", "For want of space, or because a value was invalid.", "short")
            .query("series", format!("sum({})", series("headcount_dropped_series")))
            .query(
                "operations per second",
                format!("sum(rate({}[{range}]))", series("headcount_dropped_operations_total")),
            ),
        Panel::new("Scrape", "How long it took to read and merge everything.", "s")
            .query("{{instance}}", series("headcount_scrape_duration_seconds")),
    ]
}
