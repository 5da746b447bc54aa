//! The collector: any process may open a directory and read what all processes counted.
//!
//! It needs no annotated function in its own binary, since segments describe themselves. It uses
//! neither `registry` nor `record`; it asks the store for this process's own segment, which may
//! have no file name.

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
