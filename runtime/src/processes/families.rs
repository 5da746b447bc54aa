//! The families of process metrics.

use crate::clock::nanos_as_seconds;
use crate::directory::Directory;
use crate::error::Error;
use crate::model::{MetricFamily, MetricType, Number, Series, Value};
use crate::process::Forks;
use crate::segment::format::Header;

use super::kernel::{Usage, Who};
use super::look::{Seen, look};

/// How [`Collector::process_metrics`](crate::Collector::process_metrics) shows several processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProcessMetrics {
    /// As one program: values are combined.
    Sum,
    /// Each living process has its own series, with the label `pid`. They end with the process.
    Each,
}

/// Returns the families. `alive` are the headers of segments whose processes are alive.
pub(crate) fn families<'a>(
    shown: ProcessMetrics,
    alive: impl Iterator<Item = &'a Header>,
    directory: Option<(&Directory, Forks)>,
    skipped: &mut Vec<Error>,
) -> Vec<MetricFamily> {
    let seen = look(alive, directory, skipped);
    match shown {
        ProcessMetrics::Sum => together(&seen),
        ProcessMetrics::Each => each(&seen),
    }
}

/// Name, help and unit, as in other Prometheus clients.
type About = (&'static str, &'static str, &'static str);

const CPU: About =
    ("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", "seconds");
const MAX_FDS: About = ("process_max_fds", "Maximum number of open file descriptors.", "");
const OPEN_FDS: About = ("process_open_fds", "Number of open file descriptors.", "");
const RESIDENT: About =
    ("process_resident_memory_bytes", "Resident memory size in bytes.", "bytes");
const STARTED: About = (
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    "seconds",
);
const VIRTUAL: About = ("process_virtual_memory_bytes", "Virtual memory size in bytes.", "bytes");

/// A gauge of a process, and how the values of several processes are combined.
type Gauge = (About, fn(&Usage) -> Option<f64>, fn(f64, f64) -> f64);

#[expect(clippy::cast_precision_loss, reason = "a gauge is an f64")]
const GAUGES: [Gauge; 5] = [
    // The limit that is reached first.
    (MAX_FDS, |usage| usage.max_fds.map(|n| n as f64), f64::min),
    (OPEN_FDS, |usage| usage.open_fds.map(|n| n as f64), |a, b| a + b),
    (RESIDENT, |usage| Some(usage.resident_bytes as f64), |a, b| a + b),
    (STARTED, |usage| usage.started, f64::min),
    (VIRTUAL, |usage| Some(usage.virtual_bytes as f64), |a, b| a + b),
];

fn together(seen: &Seen) -> Vec<MetricFamily> {
    let cpu = seen.cpu_ns.map(|ns| Value::Counter(Number::Float(nanos_as_seconds(ns))));
    let gauges = GAUGES.iter().map(|(about, of, and)| {
        let value = seen.living.values().filter_map(of).reduce(and);
        family(about, MetricType::Gauge, value.map(|value| series(None, Value::Gauge(value))))
    });
    [family(&CPU, MetricType::Counter, cpu.map(|cpu| series(None, cpu)))]
        .into_iter()
        .chain(gauges)
        .collect()
}

fn each(seen: &Seen) -> Vec<MetricFamily> {
    let cpu = |usage: &Usage| Value::Counter(Number::Float(nanos_as_seconds(usage.cpu_ns)));
    let cpu = seen.living.iter().map(|(who, usage)| series(Some(who), cpu(usage)));
    let gauges = GAUGES.iter().map(|(about, of, _)| {
        let living = seen.living.iter().filter_map(|(who, usage)| Some((who, of(usage)?)));
        let series = living.map(|(who, value)| series(Some(who), Value::Gauge(value)));
        family(about, MetricType::Gauge, series)
    });
    [family(&CPU, MetricType::Counter, cpu)].into_iter().chain(gauges).collect()
}

fn series(who: Option<&Who>, value: Value) -> Series {
    let labels = who.map(|who| ("pid", who.pid.to_string()));
    Series { labels: labels.into_iter().collect(), value, created: None }
}

fn family(
    (name, help, unit): &About,
    kind: MetricType,
    series: impl IntoIterator<Item = Series>,
) -> MetricFamily {
    let mut series: Vec<Series> = series.into_iter().collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    MetricFamily {
        name: (*name).to_owned(),
        help: (*help).to_owned(),
        unit: (*unit).to_owned(),
        kind,
        series,
    }
}
