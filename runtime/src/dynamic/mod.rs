//! Metrics whose names are known only at run time.
//!
//! `#[metric]` and the attributes declare metrics that the compiler knows. This module is for the
//! others: metrics of a plugin, of a configuration file, of another language, or of a crate that is
//! instrumented with another facade. The handles are the same [`Counter`], [`Gauge`],
//! [`Histogram`], [`Summary`], [`Info`] and [`StateSet`], and they cost the same.
//!
//! ```
//! use headcount::dynamic::{self, Family};
//! use headcount::{Counter, Gauge, GaugeMode};
//!
//! let requests: Family<Counter> = dynamic::counter("requests_total", "Requests served.")
//!     .labels(["method", "status"])
//!     .max_series(500)
//!     .register_family()?;
//! let depth = dynamic::gauge("queue_depth", "Jobs waiting.", GaugeMode::LiveSum);
//! let depth: Gauge = depth.register()?;
//!
//! requests.with_label_values(&["get", "200"]).inc();
//! depth.set(3);
//!
//! let text = headcount::Collector::new().collect()?.to_text();
//! assert!(text.contains("requests_total{method=\"get\",status=\"200\"} 1\n"));
//! assert!(text.contains("queue_depth 3\n"));
//! # Ok::<(), headcount::Error>(())
//! ```
//!
//! # What a declaration may be
//!
//! A declaration follows the rules of the macros: a counter's name ends in `_total`, a name that
//! ends in a unit has a base unit, a help text is mandatory, the labels `le`, `quantile`, `pid` and
//! those that begin with `__` are reserved, bucket bounds ascend. A declaration that breaks a rule
//! is an [error](crate::Error::is_invalid) that names the metric, the rule and the place; nothing
//! panics.
//!
//! [`Builder::utf8_names`] accepts names with other characters, such as `http.server.duration`.
//! [`Builder::foreign`] is for bridges from other facades, whose users have followed other rules.
//!
//! # Declaring again
//!
//! A declaration that is equal to a known one, apart from its place, yields the known family: a
//! module that is loaded again leaks nothing. A family is never removed: each distinct declaration
//! takes some hundred bytes for as long as the process lives, and at most 100,000 are accepted
//! ([`Error::is_limit`](crate::Error::is_limit)). So do not put into a name what belongs into a
//! label.
//!
//! A declaration that contradicts another one of its name, with another type, mode, other labels or
//! buckets, is an [error](crate::Error::is_conflict) that lists both places, and the one in force
//! stays in force. [`verify`](crate::verify), [`declarations`](crate::declarations) and
//! [`health`](crate::health) include run-time declarations. If a library that is loaded later
//! brings a compiled declaration which contradicts a run-time one, the run-time one stays in force
//! if anything was recorded since; before that, the compiled one is. `verify` and `health` report
//! either.
//!
//! # Forks
//!
//! Families and handles of before a fork are valid in the child. A declaration alone creates no
//! file: a master may declare everything, and only the workers that record have segments. Threads
//! may declare while others fork.
//!
//! [`Counter`]: crate::Counter
//! [`Gauge`]: crate::Gauge
//! [`Histogram`]: crate::Histogram
//! [`Summary`]: crate::Summary
//! [`Info`]: crate::Info
//! [`StateSet`]: crate::StateSet

mod builder;
mod family;
mod sampled;
#[cfg(test)]
mod tests;

pub use builder::{
    Builder, counter, describe, float_counter, gauge, histogram, info, state_set, states, summary,
};
pub use family::Family;
pub use sampled::on_sample;

pub use crate::metric::{AnyState, Handle as Metric};
