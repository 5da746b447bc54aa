//! What kinds of metrics there are: as a site records them, and as a family is shown.

use core::fmt;

/// What a site records; it decides the metric's type, the type of its value and how many cells it needs.
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
pub enum FamilyKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Values in buckets.
    Histogram,
    /// Sum and number of values.
    Summary,
    /// What a program is: labels, and the value 1.
    Info,
    /// Which of a few states holds: one series for each, 1 or 0. Only where each process, or one, is shown; how many processes are in each
    /// state is a gauge.
    StateSet,
}

/// The type's name in `OpenMetrics`: `counter`, `gauge`, `histogram`, `summary`, `info`, `stateset`.
impl fmt::Display for FamilyKind {
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
