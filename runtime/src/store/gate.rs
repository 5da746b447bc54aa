//! Keeps forks and the user's functions apart.
//!
//! Functions are called in a thread of this library's, and take whatever locks they like. A fork at
//! that moment would leave
//! the child with a lock that nobody in it will ever give back. So a fork waits until no function
//! runs; but not for long: the
//! forking thread itself may hold the lock that the function waits for. And it waits once: a
//! function that has kept a fork
//! waiting for too long may never return, so no fork waits for it again until it was quick once
//! more.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::process::epoch;

/// The call that is under way, by its number; 0: none is.
static CALL: AtomicU64 = AtomicU64::new(0);
/// Threads that are about to fork.
static FORKING: AtomicU32 = AtomicU32::new(0);

/// A bit of a call's number: forks wait for it.
const AWAITED: u64 = 1;

/// So long a fork waits for a function.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// A function may run for as long as it exists.
pub(crate) struct Call {
    number: u64,
    is_awaited: bool,
}

/// How a call has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nobody has noticed.
    InTime,
    /// A fork has waited for it in vain.
    Late,
    /// Somebody else calls functions now.
    GivenUp,
}

/// What all calls of this process have in the upper half of their numbers. A child's are others,
/// whatever its parent did.
fn mark() -> u64 {
    u64::from(epoch().wrapping_add(1).max(1)) << 32
}

/// Whether a call of this number is this process's.
pub(super) fn is_ours(number: u64) -> bool {
    number >> 32 == mark() >> 32
}

/// `None` while a function runs already, or a fork is under way: there will be another time.
pub(crate) fn enter(is_awaited: bool) -> Option<Call> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let serial = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let number = mark() | u64::from(serial) << 1 & u64::from(u32::MAX);
    let word = number | if is_awaited { AWAITED } else { 0 };
    let seen = CALL.load(Ordering::Relaxed);
    // Of another process: what its parent was doing when it was forked without handlers.
    let is_free = seen == 0 || !is_ours(seen);
    if !is_free || CALL.compare_exchange(seen, word, Ordering::SeqCst, Ordering::Relaxed).is_err() {
        return None;
    }
    let call = Call { number, is_awaited };
    // SeqCst, as in `close`: either the fork waits for us, or we see it.
    if FORKING.load(Ordering::SeqCst) > 0 {
        call.end();
        return None;
    }
    Some(call)
}

/// Whether a fork waits for functions to end.
pub(crate) fn is_in_the_way() -> bool {
    FORKING.load(Ordering::Relaxed) > 0
}

/// The call that is under way.
pub(crate) fn running() -> Option<u64> {
    let word = CALL.load(Ordering::Relaxed);
    (word != 0 && is_ours(word)).then_some(word & !AWAITED)
}

/// Makes room for other calls while this one goes on. `false` if it has ended.
pub(crate) fn give_up(number: u64) -> bool {
    take(number).is_some()
}

/// Ends a call, in the name of whoever comes first.
fn take(number: u64) -> Option<u64> {
    let is_this = |word: u64| (word & !AWAITED == number).then_some(0);
    CALL.fetch_update(Ordering::SeqCst, Ordering::Relaxed, is_this).ok()
}

impl Call {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether it is this process's: the function may have forked.
    pub(crate) fn is_ours(&self) -> bool {
        is_ours(self.number)
    }

    pub(crate) fn end(self) -> End {
        match take(self.number) {
            Some(word) if self.is_awaited && word & AWAITED == 0 => End::Late,
            Some(_) => End::InTime,
            None => End::GivenUp,
        }
    }
}

/// For the fork handlers: before.
pub(super) fn close() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    let mut began = None;
    loop {
        let word = CALL.load(Ordering::SeqCst);
        if word & AWAITED == 0 || !is_ours(word) {
            return;
        }
        if began.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            // The same call, or one that has begun since: then this fork is unlucky, and its
            // function still awaited.
            let late = word & !AWAITED;
            let _ = CALL.compare_exchange(word, late, Ordering::SeqCst, Ordering::Relaxed);
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
    CALL.store(0, Ordering::SeqCst);
}
