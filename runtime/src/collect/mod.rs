//! The collector: any process may open a directory and read what all processes counted.
//!
//! It needs no annotated function in its own binary, since segments describe themselves. It uses
//! neither `registry` nor `record`; it asks the store for this process's own segment, which may
//! have no file name.

mod catalogue;
mod clean;
mod collector;
mod compact;
mod compact_python;
mod constant;
mod list_segments;
mod program_families;
mod render;
mod self_metrics;
mod shorten;
mod textfile;

pub use catalogue::{catalog, declarations, verify};
pub use clean::{Clean, Cleaned};
pub use collector::Collector;
pub use compact::{Compacted, MarkedDead, mark_process_dead};
pub use list_segments::{SegmentInfo, SegmentState};
pub use render::{render, render_in_pieces};
