//! Counts of recording failures. They are in the segment itself, where collectors see them at once;
//! while there is no segment they are in memory.

use core::sync::atomic::{AtomicU64, Ordering};

use super::current;
use super::format::Word;

/// Operations that were dropped before there was a segment.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Label values that were truncated before there was a segment.
static CUT: AtomicU64 = AtomicU64::new(0);

fn place(word: Word) -> &'static AtomicU64 {
    let early = if word == Word::CutLabelValues { &CUT } else { &DROPPED };
    current::word(word).unwrap_or(early)
}

/// Counts a dropped operation.
#[cold]
#[inline(never)]
pub(crate) fn note_dropped() {
    place(Word::DroppedOperations).fetch_add(1, Ordering::Relaxed);
}

/// Counts a label value that was truncated because it was too long.
#[cold]
#[inline(never)]
pub(crate) fn note_cut_label_value() {
    place(Word::CutLabelValues).fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn dropped_operations() -> u64 {
    place(Word::DroppedOperations).load(Ordering::Relaxed)
}

/// Moves the counts made before there was a segment into the segment.
pub(crate) fn settle() {
    for (word, early) in [(Word::DroppedOperations, &DROPPED), (Word::CutLabelValues, &CUT)] {
        if let Some(word) = current::word(word) {
            word.fetch_add(early.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// For the fork handler: a child starts with its own counts.
pub(crate) fn forget() {
    DROPPED.store(0, Ordering::Relaxed);
    CUT.store(0, Ordering::Relaxed);
}
