//! How much is folded at once.

use std::time::Duration;

use crate::reader::layout_cache::MAX_TEXT_OF_ALL;

/// What one generation takes in at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portion {
    pub(crate) files: usize,
    pub(crate) time: Duration,
    /// Bytes of text in labels.
    pub(crate) text: u64,
    /// Only segments of this pid.
    pub(crate) pid: Option<u32>,
}

impl Portion {
    /// So little that a collection takes no longer for it than anyone would notice.
    pub(crate) const IN_PASSING: Self =
        Self { files: 256, time: Duration::from_millis(50), ..Self::ALL };

    /// As much as fits into memory. What overtakes a collection is many generations, not long ones.
    pub(crate) const ALL: Self =
        Self { files: usize::MAX, time: Duration::MAX, text: MAX_TEXT_OF_ALL, pid: None };

    /// Room for many new processes, and no longer than one that records for the first time can wait.
    pub(crate) const FOR_ROOM: Self =
        Self { files: 256, time: Duration::from_millis(200), ..Self::ALL };

    pub(crate) fn of(pid: u32) -> Self {
        Self { pid: Some(pid), ..Self::ALL }
    }

    /// Much less, for an archive that found no room; `None` if this is the least.
    pub(crate) fn less(self) -> Option<Self> {
        let files = [64, 8, 1].into_iter().find(|files| *files < self.files)?;
        Some(Self { files, ..self })
    }
}
