//! The number of forks between the program's first process and this one.
//!
//! An action that begins in one epoch must not end in another: a call, a turn at a lock, a read of
//! this process's own memory.

use core::sync::atomic::{AtomicU32, Ordering};

/// The number of forks between the program's first process and this one.
static EPOCH: AtomicU32 = AtomicU32::new(0);

#[inline]
pub(crate) fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// For the fork handler, in the child.
pub(crate) fn begin_epoch() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}
