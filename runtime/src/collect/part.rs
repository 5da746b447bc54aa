//! A segment, and whether its process is alive.

use crate::reader::liveness::Life;
use crate::reader::segment::Segment;

/// A segment and whether its process can still write it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) segment: Segment,
    pub(super) life: Life,
}

impl Part {
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.life, Life::Running | Life::Locked)
    }
}
