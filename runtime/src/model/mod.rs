//! The model of metrics: plain data, and functions that compute only with it.
//!
//! All other layers are built on this one. It uses nothing of this crate except its error, and
//! neither files, memory nor processes.

pub(crate) mod cells;
pub(crate) mod cold_sort;
mod compare;
pub(crate) mod exact_sum;
pub(crate) mod exemplar;
pub(crate) mod instance;
pub(crate) mod kind;
mod label_set;
pub(crate) mod mode;
pub(crate) mod native_buckets;
pub(crate) mod native_schema;
pub(crate) mod outcome;
mod quantile;
pub(crate) mod rules;
pub(crate) mod sample_names;
mod snapshot;
pub(crate) mod sorted;
pub(crate) mod table;
pub(crate) mod text;

pub use exemplar::{Exemplar, TraceContext};
pub use kind::MetricType;
pub(crate) use label_set::LabelSets;
pub use label_set::{LabelIter, LabelSet};
pub use mode::GaugeMode;
pub use quantile::Quantile;
pub use snapshot::{
    Bucket, HistogramValue, MetricFamily, NativeBuckets, Number, Series, Snapshot, SummaryValue,
    Value,
};
