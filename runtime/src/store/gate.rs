//! Keeps forks and the user's callbacks apart.
//!
//! Callbacks run in a thread of this library's, and take whatever locks they like. A fork at that moment would leave the child with a lock that
//! nobody in it will ever give back. So a fork waits until no callback runs; but not for long: the forking thread itself may hold the lock
//! that the callback waits for.

use core::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::fork::epoch;

/// The epoch in which callbacks run, and one more; 0: none do. A child's are none, whatever its parent's did.
static INSIDE: AtomicU32 = AtomicU32::new(0);
/// Threads that are about to fork.
static FORKING: AtomicU32 = AtomicU32::new(0);

const PATIENCE: Duration = Duration::from_millis(50);

/// Callbacks may run for as long as it exists.
pub(crate) struct Inside {
    mark: u32,
}

/// `None` while callbacks run already, or a fork is under way: there will be another time.
pub(crate) fn enter() -> Option<Inside> {
    let mark = epoch().wrapping_add(1).max(1);
    let seen = INSIDE.load(Ordering::Relaxed);
    if seen == mark
        || INSIDE.compare_exchange(seen, mark, Ordering::SeqCst, Ordering::Relaxed).is_err()
    {
        return None;
    }
    let inside = Inside { mark };
    // SeqCst, as in `close`: either the fork waits for us, or we see it.
    (FORKING.load(Ordering::SeqCst) == 0).then_some(inside)
}

impl Inside {
    /// Whether a fork waits for the callbacks to end.
    #[expect(clippy::unused_self, reason = "who asks is inside")]
    pub(crate) fn is_in_the_way(&self) -> bool {
        FORKING.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // In a child that a callback forked, the mark is not its own.
        let _ = INSIDE.compare_exchange(self.mark, 0, Ordering::SeqCst, Ordering::Relaxed);
    }
}

/// For the fork handlers: before.
pub(super) fn close() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    let mark = epoch().wrapping_add(1).max(1);
    let mut began = None;
    while INSIDE.load(Ordering::SeqCst) == mark {
        if began.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// In the parent, after.
pub(super) fn open() {
    // Never below 0: handlers that were registered twice between a fork's beginning and its end.
    let _ =
        FORKING.fetch_update(Ordering::SeqCst, Ordering::Relaxed, |forking| forking.checked_sub(1));
}

/// In the child, after.
pub(super) fn reopen() {
    FORKING.store(0, Ordering::SeqCst);
}
