//! What went wrong in recording, counted where recording can count it: in memory. Published in the segment when the mutex is held anyway.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::segment::format::Word;
use crate::segment::mapping::Memory;

/// Operations recorded nowhere.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Label values that were cut.
static CUT: AtomicU64 = AtomicU64::new(0);

/// Counts an operation that was recorded nowhere.
#[cold]
#[inline(never)]
pub(crate) fn note_dropped() {
    DROPPED.fetch_add(1, Ordering::Relaxed);
}

/// Counts a label value that was longer than a label value may be.
#[cold]
#[inline(never)]
pub(crate) fn note_cut_label_value() {
    CUT.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn dropped_operations() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

pub(super) fn publish(memory: &Memory) {
    for (word, count) in [(Word::DroppedOperations, &DROPPED), (Word::CutLabelValues, &CUT)] {
        memory.word(word).store(count.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// For the fork handler: a child's counts are its own.
pub(super) fn forget() {
    DROPPED.store(0, Ordering::Relaxed);
    CUT.store(0, Ordering::Relaxed);
}
