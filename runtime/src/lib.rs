//! Counts functions and metrics of programs that run as **many processes**, and merges them into one Prometheus exposition.

#[allow(unused_extern_crates, reason = "lets the attributes' expansions, which say `::headcount`, compile inside this crate")]
extern crate self as headcount;

mod clock;
mod collect;
mod config;
mod descriptor;
mod directory;
mod error;
mod expose;
mod label;
mod metric;
mod operation;
mod outcome;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod process;
mod record;
mod registry;
mod segment;
mod store;

pub use collect::{
    Bucket, Collector, Family, FamilyKind, HistogramValue, Number, Series, Snapshot, Value,
};
pub use config::Config;
pub use error::Error;
pub use expose::{Exposition, render};
pub use headcount_macros::{count_exceptions, counted, in_progress, metric, timed};
pub use label::{LabelValue, LabelWriter, MAX_LABEL_VALUE};
pub use metric::{Counter, Gauge, Histogram, Timer};
pub use outcome::Outcome;
pub use store::{Health, after_fork_in_child, health, init};
