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
mod render;
mod segments;
mod shorten;

pub use clean::{Clean, Cleaned};
pub use collector::Collector;
pub use compact::{Compacted, mark_process_dead};
pub use render::render;
pub use segments::{SegmentInfo, SegmentState};
