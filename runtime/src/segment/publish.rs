//! The order in which a writer's words become visible. Readers in other processes see all of what
//! was published, or nothing.

use super::sync::atomic::{Ordering, fence};

/// The words of a segment that can be written: a mapped one, or a model.
pub(crate) trait Words {
    /// Stores a word at an offset of the file.
    fn store(&self, offset: u64, word: u64, order: Ordering);
}

/// The places of the words in a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) log: u64,
    pub(crate) log_used: u64,
    pub(crate) logs_written: u64,
    pub(crate) slots_used: u64,
    /// Added to the length of the log when that is stored: it identifies the log.
    pub(crate) base: u64,
}

/// Appends records after the first `used` bytes of the log, and publishes that all slots below
/// `slots` are assigned. The blocks must be allocated already. A process that is killed in between
/// has published nothing.
///
/// Returns the new length of the log.
pub(crate) fn publish(
    words: &impl Words,
    places: Places,
    used: u64,
    records: &[u8],
    slots: u32,
) -> u64 {
    write(words, places.log + used, records);
    words.store(places.slots_used, u64::from(slots), Ordering::Release);
    let used = used + records.len() as u64;
    // Release, and last: a reader that sees this word sees the records and the slots.
    words.store(places.log_used, places.base | used, Ordering::Release);
    used
}

/// Writes another log, where no log is any more that a reader may begin to read, and publishes that
/// it is the log number `number` and that all slots below `slots` are assigned.
///
/// Returns the word that the caller stores at `places.log_used`, with `Release`: readers then find
/// the new log.
pub(crate) fn rewrite(
    words: &impl Words,
    places: Places,
    number: u64,
    log: &[u8],
    slots: u32,
) -> u64 {
    write(words, places.log, log);
    words.store(places.slots_used, u64::from(slots), Ordering::Release);
    // Incremented before the switch: a reader that finds the same number before and after has read
    // one log.
    words.store(places.logs_written, number, Ordering::Release);
    places.base | log.len() as u64
}

fn write(words: &impl Words, at: u64, records: &[u8]) {
    // An older log may have been here, and a slow reader may still be reading that. If it finds one
    // of these words, it must find afterwards that there is a newer log. Release at the stores that
    // said so orders what came before them, and not what comes now.
    fence(Ordering::Release);
    for (at, bytes) in (at..).step_by(8).zip(records.chunks_exact(8)) {
        let word = <[u8; 8]>::try_from(bytes).map_or(0, u64::from_le_bytes);
        words.store(at, word, Ordering::Relaxed);
    }
}
