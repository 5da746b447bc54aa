//! One pass over a directory: its segments, and then its archive.
//!
//! This layer orders the reading so that each process counts once, keeps for the next pass what
//! never changes, and bounds the memory that a pass takes. It merges nothing, and knows neither the
//! collector nor the writer, which both use it: a writer asks who else has the series that it has
//! removed. What a pass needs of its own process is handed in.

mod cache;
mod held;
mod limit;
mod pass;
mod settled;

pub(crate) use cache::{CollectionCache, Keeper};
pub(crate) use held::{GoneRow, held};
pub use limit::Limit;
pub(crate) use pass::{Scan, ThisProcess, Wanted};
pub(crate) use settled::Settled;
