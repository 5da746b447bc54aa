//! The families of process metrics.

use std::collections::BTreeMap;

use crate::clock::nanos_as_seconds;
use crate::directory::Directory;
use crate::error::Error;
use crate::model::{MetricFamily, MetricType, Number, Series, Value};
use crate::process::Forks;
use crate::segment::format::Header;

use super::kernel::{Traffic, Usage, Who, traffic_of};
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
const RECEIVED: About = (
    "process_network_receive_bytes_total",
    "Number of bytes received by the process over the network.",
    "bytes",
);
const SENT: About = (
    "process_network_transmit_bytes_total",
    "Number of bytes sent by the process over the network.",
    "bytes",
);
const THREADS: About = ("process_threads", "Number of OS threads in the process.", "");
const MAX_VIRTUAL: About = (
    "process_virtual_memory_max_bytes",
    "Maximum amount of virtual memory available in bytes.",
    "bytes",
);
const VIRTUAL: About = ("process_virtual_memory_bytes", "Virtual memory size in bytes.", "bytes");

/// A gauge of a process, and how the values of several processes are combined.
type Gauge = (About, fn(&Usage) -> Option<f64>, fn(f64, f64) -> f64);

#[expect(clippy::cast_precision_loss, reason = "a gauge is an f64")]
const GAUGES: [Gauge; 7] = [
    // The limit that is reached first.
    (MAX_FDS, |usage| usage.max_fds.map(|n| n as f64), f64::min),
    (OPEN_FDS, |usage| usage.open_fds.map(|n| n as f64), |a, b| a + b),
    (RESIDENT, |usage| Some(usage.resident_bytes as f64), |a, b| a + b),
    (STARTED, |usage| usage.started, f64::min),
    (THREADS, |usage| Some(usage.threads as f64), |a, b| a + b),
    (VIRTUAL, |usage| Some(usage.virtual_bytes as f64), |a, b| a + b),
    (MAX_VIRTUAL, |usage| usage.max_virtual_bytes.map(|n| n as f64), f64::min),
];

fn together(seen: &Seen) -> Vec<MetricFamily> {
    let cpu = seen.cpu_ns.map(|ns| Value::Counter(Number::Float(nanos_as_seconds(ns))));
    let gauges = GAUGES.iter().map(|(about, of, and)| {
        let value = seen.living.values().filter_map(of).reduce(and);
        family(about, MetricType::Gauge, value.map(|value| series(None, Value::Gauge(value))))
    });
    let cpu = family(&CPU, MetricType::Counter, cpu.map(|cpu| series(None, cpu)));
    // The kernel counts by network namespace. A sum over several would fall with the last process
    // of one of them.
    let mut networks = seen.living.values().map(|usage| usage.network);
    let first = networks.next().flatten();
    let is_one = first.is_some() && networks.all(|network| network == first);
    let traffic = seen.living.keys().next().filter(|_| is_one).and_then(traffic_of);
    let network = TRAFFIC.iter().map(|(about, of)| {
        let value = traffic.map(|traffic| Value::Counter(Number::Integer(of(&traffic))));
        family(about, MetricType::Counter, value.map(|value| series(None, value)))
    });
    std::iter::once(cpu).chain(gauges).chain(network).collect()
}

/// A counter of a network namespace.
type Counter = (About, fn(&Traffic) -> u64);

const TRAFFIC: [Counter; 2] =
    [(RECEIVED, |traffic| traffic.received), (SENT, |traffic| traffic.sent)];

fn each(seen: &Seen) -> Vec<MetricFamily> {
    let cpu = |usage: &Usage| Value::Counter(Number::Float(nanos_as_seconds(usage.cpu_ns)));
    let cpu = seen.living.iter().map(|(who, usage)| series(Some(who), cpu(usage)));
    let gauges = GAUGES.iter().map(|(about, of, _)| {
        let living = seen.living.iter().filter_map(|(who, usage)| Some((who, of(usage)?)));
        let series = living.map(|(who, value)| series(Some(who), Value::Gauge(value)));
        family(about, MetricType::Gauge, series)
    });
    let cpu = family(&CPU, MetricType::Counter, cpu);
    // Read once for each namespace.
    let mut known = BTreeMap::new();
    for (who, usage) in &seen.living {
        if let Some(network) = usage.network {
            known.entry(network).or_insert_with(|| traffic_of(who));
        }
    }
    let network = TRAFFIC.iter().map(|(about, of)| {
        let living = seen.living.iter().filter_map(|(who, usage)| {
            let traffic = known.get(&usage.network?)?.as_ref()?;
            Some(series(Some(who), Value::Counter(Number::Integer(of(traffic)))))
        });
        family(about, MetricType::Counter, living)
    });
    std::iter::once(cpu).chain(gauges).chain(network).collect()
}

fn series(who: Option<&Who>, value: Value) -> Series {
    let labels = who.map(|who| ("pid", who.pid.to_string()));
    Series::new(labels.into_iter().collect(), value)
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
