//! The reader: any process may open a directory and see what all of them counted.
//!
//! It needs no annotated function in its binary: segments describe themselves. It uses neither `registry` nor `record`; of the store it asks for
//! this process's own segment, which may have no name.

mod about;
mod catalogue;
mod clean;
mod collector;
mod compact;
mod custom;
mod held;
mod kept;
mod limit;
mod render;
mod scan;
mod segments;
mod shorten;

pub use clean::{Clean, Cleaned};
pub use collector::Collector;
pub use compact::{Compacted, mark_process_dead};
pub(crate) use held::{GoneRow, held};
pub use limit::Limit;
pub use render::render;
pub(crate) use scan::ThisProcess;
pub use segments::{SegmentInfo, SegmentState};
