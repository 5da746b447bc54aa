//! Limits how much is compacted at once.

use std::time::Duration;

use crate::reader::layout_cache::MAX_TEXT_OF_ALL;

/// The limits of one generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) files: usize,
    pub(crate) time: Duration,
    /// Bytes of text in labels.
    pub(crate) text: u64,
    /// Only segments of this pid.
    pub(crate) pid: Option<u32>,
}

impl Limits {
    /// So little that a collection does not take noticeably longer.
    pub(crate) const IN_PASSING: Self =
        Self { files: 256, time: Duration::from_millis(50), ..Self::WIDEST };

    /// As much as fits into memory. Few long generations are better than many short ones: a
    /// collection has to begin again after many generations, not after long ones.
    pub(crate) const WIDEST: Self =
        Self { files: usize::MAX, time: Duration::MAX, text: MAX_TEXT_OF_ALL, pid: None };

    /// Enough to free space for many new processes, in no longer than a process can wait at its
    /// first recording.
    #[cfg(feature = "compact-when-full")]
    pub(crate) const FOR_SPACE: Self =
        Self { files: 256, time: Duration::from_millis(200), ..Self::WIDEST };

    /// Whether segments of these pids belong to it.
    pub(super) fn is_for(&self, mut pids: impl Iterator<Item = u32>) -> bool {
        self.pid.is_none_or(|pid| pids.any(|of| of == pid))
    }

    pub(crate) fn of(pid: u32) -> Self {
        Self { pid: Some(pid), ..Self::WIDEST }
    }

    /// Far fewer files, for an archive that did not fit on the disk; `None` if this is the minimum.
    pub(crate) fn less(self) -> Option<Self> {
        let files = [64, 8, 1].into_iter().find(|files| *files < self.files)?;
        Some(Self { files, ..self })
    }
}
