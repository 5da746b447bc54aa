//! The kinds of metrics: of a site, which records one, and of a family, which is shown.

use core::fmt;

/// The kind of a site. It decides the metric's type, the type of its value and the number of its
/// cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A counter of calls (`#[counted]`).
    Calls,
    /// A histogram of durations in nanoseconds (`#[timed]`).
    Durations,
    /// A gauge of calls in progress (`#[in_progress]`).
    InProgress,
    /// A counter of calls that ended with an error or a panic (`#[count_exceptions]`).
    Exceptions,
    /// [`Counter`](crate::Counter).
    Counter,
    /// [`Gauge`](crate::Gauge).
    Gauge,
    /// [`Histogram`](crate::Histogram).
    Histogram,
    /// [`Summary`](crate::Summary).
    Summary,
    /// Sum and number of durations in nanoseconds (`#[timed(summary)]`).
    DurationSummary,
    /// [`Counter<f64>`](crate::Counter).
    FloatCounter,
    /// [`Info`](crate::Info).
    Info,
    /// [`StateSet`](crate::StateSet).
    StateSet,
}

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MetricType {
    /// A value that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Observed values, counted in buckets, with their sum.
    Histogram,
    /// The sum and the number of observed values.
    Summary,
    /// Facts about a program, in labels, with the value 1.
    Info,
    /// The current one of a few states: one series for each state, with the value 1 or 0. A family
    /// has this type only if each process is shown, or one; numbers of processes in each state are
    /// a gauge.
    StateSet,
}

/// Prints the type's name in `OpenMetrics`: `counter`, `gauge`, `histogram`, `summary`, `info`,
/// `stateset`.
impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        })
    }
}
