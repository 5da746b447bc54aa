//! A recorder for the [`metrics`] facade, for programs that run as many processes.
//!
//! Crates that are instrumented with `metrics` count in [headcount]'s segments. Every process
//! counts for itself, and any process shows the sums of all of them, living and dead, on one page.
//!
//! ```
//! headcount_metrics::install()?;
//!
//! metrics::describe_counter!("requests_total", "Requests served.");
//! metrics::counter!("requests_total", "method" => "get").increment(2);
//! metrics::gauge!("queue_depth").set(4.0);
//!
//! let page = headcount::Collector::new().collect()?.to_text();
//! assert!(page.contains("# HELP requests_total Requests served.\n"));
//! assert!(page.contains("requests_total{method=\"get\"} 2\n"));
//! assert!(page.contains("queue_depth 4\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of a metric
//!
//! * A **counter** is headcount's, and its name gets the ending `_total` if it lacks it.
//!   `absolute(n)` raises this process's count to `n`. So a total that something else keeps must be
//!   one of this process: a forked child has counted nothing yet.
//! * A **gauge** of several processes is the sum of the living ones ([`GaugeMode::LiveSum`]),
//!   unless a [rule](Builder::gauge_mode) names another mode.
//! * A **histogram** has the buckets of Prometheus' client libraries, which are for durations in
//!   seconds, unless a [rule](Builder::buckets) names others.
//! * **Names** of metrics and labels get an underscore in place of every character that Prometheus
//!   did not have in names before version 3, or are [kept](Builder::utf8_names). Labels that
//!   Prometheus reserves (`le`, `quantile`, `pid`, and those that begin with `__`) begin with
//!   `exported_`, as in a scrape.
//! * **Descriptions** may come before or after the metric is first used. A unit is shown if the
//!   name ends in it.
//! * A family holds up to 10,000 series in each process ([`Builder::max_series`]); further ones are
//!   counted in one whose label values are `_other`.
//!
//! A metric that can't be declared, because its name is used for another type or is reserved,
//! counts nothing, and [`headcount::health`] reports it.
//!
//! There is no counterpart to the idle timeout of other recorders: a series of a process stays
//! until the process [removes] it. After that `counter!` and the other macros make it anew; a
//! handle that the program kept records nothing.
//!
//! # Gauges that must not be added up
//!
//! A sum is right for depths and for numbers of things, and wrong for ratios, greatest and least
//! values, and times. Libraries cannot say which theirs are, so the program does. For the reporter
//! of `tokio-metrics`, for example:
//!
//! ```
//! use headcount::GaugeMode;
//! use headcount_metrics::{Builder, Matcher};
//!
//! Builder::new()
//!     .gauge_mode(Matcher::Prefix("tokio_max_".into()), GaugeMode::LiveMax)
//!     .gauge_mode(Matcher::Prefix("tokio_min_".into()), GaugeMode::LiveMin)
//!     .gauge_mode(Matcher::Suffix("_ratio".into()), GaugeMode::LiveMax)
//!     .install()?;
//!
//! metrics::gauge!("tokio_workers_count").set(4.0);
//! metrics::gauge!("tokio_busy_ratio").set(0.25);
//!
//! let declared = headcount::declarations();
//! let mode = |name| declared.iter().find(|one| one.name == name).and_then(|one| one.mode);
//! assert_eq!(mode("tokio_workers_count"), Some(GaugeMode::LiveSum));
//! assert_eq!(mode("tokio_busy_ratio"), Some(GaugeMode::LiveMax));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Forks
//!
//! Handles of before a fork count in the child. The recorder has no lock that a child could inherit
//! locked: each thread has its own cache of handles, and what is not in it is asked of
//! [`headcount::dynamic`].
//!
//! [removes]: headcount::remove_matching
//! [`GaugeMode::LiveSum`]: headcount::GaugeMode::LiveSum

mod cache;
mod handles;
mod names;
mod recorder;
mod rules;

pub use recorder::{Builder, Recorder};
pub use rules::Matcher;

/// Installs a recorder with the default rules as the program's.
///
/// # Errors
///
/// Returns an error if the program has a recorder already.
///
/// # Examples
///
/// ```
/// assert!(headcount_metrics::install().is_ok());
/// assert!(headcount_metrics::install().is_err());
/// ```
pub fn install() -> Result<(), metrics::SetRecorderError<Recorder>> {
    Builder::new().install()
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
