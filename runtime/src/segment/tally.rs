//! What went wrong in recording, counted in the segment itself, where collectors see it at once; in memory while there is no segment.

use core::sync::atomic::{AtomicU64, Ordering};

use super::current;
use super::format::Word;

/// Operations recorded nowhere before there was a segment.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Label values that were cut before there was a segment.
static CUT: AtomicU64 = AtomicU64::new(0);

fn place(word: Word) -> &'static AtomicU64 {
    let early = if word == Word::CutLabelValues { &CUT } else { &DROPPED };
    current::word(word).unwrap_or(early)
}

/// Counts an operation that was recorded nowhere.
#[cold]
#[inline(never)]
pub(crate) fn note_dropped() {
    place(Word::DroppedOperations).fetch_add(1, Ordering::Relaxed);
}

/// Counts a label value that was longer than a label value may be.
#[cold]
#[inline(never)]
pub(crate) fn note_cut_label_value() {
    place(Word::CutLabelValues).fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn dropped_operations() -> u64 {
    place(Word::DroppedOperations).load(Ordering::Relaxed)
}

/// Moves what was counted before there was a segment into it.
pub(crate) fn settle() {
    for (word, early) in [(Word::DroppedOperations, &DROPPED), (Word::CutLabelValues, &CUT)] {
        if let Some(word) = current::word(word) {
            word.fetch_add(early.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// For the fork handler: a child's counts are its own.
pub(crate) fn forget() {
    DROPPED.store(0, Ordering::Relaxed);
    CUT.store(0, Ordering::Relaxed);
}
