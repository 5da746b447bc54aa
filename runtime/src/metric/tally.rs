use core::fmt;

use super::handle::Raw;

/// A tally.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[must_use = "a handle counts nothing by itself"]
pub struct Tally(pub(super) Raw);

impl Tally {
    /// Counts.
    pub fn hit(self) {
        let _ = self.0.assigned_slot();
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Tally", f)
    }
}
