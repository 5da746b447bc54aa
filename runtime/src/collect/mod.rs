//! The reader: any process may open a directory and see what all of them counted.
//!
//! It needs no annotated function in its binary: segments describe themselves. It uses neither `registry` nor `record`; of the store it asks for
//! this process's own segment, which may have no name.

mod collector;
mod decode;
mod exact;
mod liveness;
mod merge;
mod read;
mod snapshot;
mod sums;

pub use collector::Collector;
pub use snapshot::{
    Bucket, Family, FamilyKind, HistogramValue, Number, Series, Snapshot, SummaryValue, Value,
};
