//! The order in which a writer's words become visible: readers in other processes see all of what was published, or nothing.

use super::sync::atomic::Ordering;

/// Words of a segment that can be written: of a mapped one, or of a model.
pub(crate) trait Words {
    /// Stores a word at an offset of the file.
    fn store(&self, offset: u64, word: u64, order: Ordering);
}

/// Where it stands in a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) log: u64,
    pub(crate) log_used: u64,
    pub(crate) slots_used: u64,
    /// Added to the length of the log where that is stored: which log it is.
    pub(crate) base: u64,
}

/// Appends records behind the first `used` bytes of the log, and says that the slots below `slots` are assigned. Their blocks exist already. Whoever is
/// killed in between has published nothing.
///
/// Returns how much of the log is used then.
pub(crate) fn publish(
    words: &impl Words,
    places: Places,
    used: u64,
    records: &[u8],
    slots: u32,
) -> u64 {
    for (at, bytes) in (places.log + used..).step_by(8).zip(records.chunks_exact(8)) {
        let word = <[u8; 8]>::try_from(bytes).map_or(0, u64::from_le_bytes);
        words.store(at, word, Ordering::Relaxed);
    }
    words.store(places.slots_used, u64::from(slots), Ordering::Release);
    let used = used + records.len() as u64;
    // Release, and last: who sees it sees the records, and the slots.
    words.store(places.log_used, places.base | used, Ordering::Release);
    used
}
