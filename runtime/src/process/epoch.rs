//! The number of forks between the program's first process and this one.
//!
//! An action that begins in one epoch must not end in another: a call, a turn at a lock, a read of
//! this process's own memory.

use core::sync::atomic::{AtomicU32, Ordering};

use super::relaxed;

/// The number of forks between the program's first process and this one.
static EPOCH: AtomicU32 = AtomicU32::new(0);

#[inline(always)]
#[expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]
pub(crate) fn epoch() -> u32 {
    relaxed::load_u32(&EPOCH)
}

/// For the fork handler, in the child.
pub(crate) fn begin_epoch() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}
