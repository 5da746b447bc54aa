//! A segment, and whether its process is alive.

use super::decode::Segment;
use super::liveness::Life;

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
