//! A segment, and whether its process is alive.

use crate::reader::liveness::Life;
use crate::reader::segment::Segment;

/// A segment, and whether its process can still write to it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) segment: Segment,
    pub(crate) life: Life,
}

impl Part {
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.life, Life::Running | Life::Locked)
    }
}
