//! Keeps forks and the user's functions (`set_function`) apart.
//!
//! The functions are called in a thread of this library, and may take any lock. After a fork at
//! that moment, the child would have a locked lock that no thread in it will ever release. So a
//! fork waits until no function runs, but not for long, because the forking thread itself may hold
//! the lock for which the function waits. And it waits only once: a function that has kept a fork
//! waiting for too long may never return, so no fork waits for it again until it has been quick
//! once more.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::process::epoch;

/// The number of the call in progress; 0 if there is none.
static CALL: AtomicU64 = AtomicU64::new(0);
/// The number of threads that are about to fork.
static FORKING: AtomicU32 = AtomicU32::new(0);

/// The bit of a call's number that says that forks wait for the call.
const AWAITED: u64 = 1;

/// The maximum time for which a fork waits for a function.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// A function may run while this exists.
pub(crate) struct Call {
    number: u64,
    is_awaited: bool,
}

/// How a call has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing waited for it in vain.
    InTime,
    /// A fork waited for it in vain.
    Late,
    /// The call was given up: another thread calls functions now.
    GivenUp,
}

/// The upper half of the numbers of all calls of this process. It differs from those of its parent
/// and its children.
fn mark() -> u64 {
    u64::from(epoch().wrapping_add(1).max(1)) << 32
}

/// Whether the call with this number belongs to this process.
pub(super) fn is_ours(number: u64) -> bool {
    number >> 32 == mark() >> 32
}

/// `None` if a function is already running, or a fork is in progress: the function is called
/// another time.
pub(crate) fn enter(is_awaited: bool) -> Option<Call> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let serial = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let number = mark() | u64::from(serial) << 1 & u64::from(u32::MAX);
    let word = number | if is_awaited { AWAITED } else { 0 };
    let seen = CALL.load(Ordering::Relaxed);
    // A call of another process is stale: the parent was calling a function when it was forked
    // without handlers.
    let is_free = seen == 0 || !is_ours(seen);
    if !is_free || CALL.compare_exchange(seen, word, Ordering::SeqCst, Ordering::Relaxed).is_err() {
        return None;
    }
    let call = Call { number, is_awaited };
    // SeqCst, as in `close`: either the fork sees our call and waits, or we see the fork.
    if FORKING.load(Ordering::SeqCst) > 0 {
        call.end();
        return None;
    }
    Some(call)
}

/// Whether a fork is waiting for functions to end.
pub(crate) fn is_in_the_way() -> bool {
    FORKING.load(Ordering::Relaxed) > 0
}

/// The number of the call in progress.
pub(crate) fn running() -> Option<u64> {
    let word = CALL.load(Ordering::Relaxed);
    (word != 0 && is_ours(word)).then_some(word & !AWAITED)
}

/// Allows other calls while this one continues. `false` if it has ended.
pub(crate) fn give_up(number: u64) -> bool {
    take(number).is_some()
}

/// Ends a call; only the first caller succeeds.
fn take(number: u64) -> Option<u64> {
    let is_this = |word: u64| (word & !AWAITED == number).then_some(0);
    CALL.fetch_update(Ordering::SeqCst, Ordering::Relaxed, is_this).ok()
}

impl Call {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the call belongs to this process: the function may have forked.
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

/// For the fork handlers: before the fork.
pub(super) fn close() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    let mut began = None;
    loop {
        let word = CALL.load(Ordering::SeqCst);
        if word & AWAITED == 0 || !is_ours(word) {
            return;
        }
        if began.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            // Either the same call, or one that has begun since. In the latter case this fork
            // doesn't wait for it, and later forks still do.
            let late = word & !AWAITED;
            let _ = CALL.compare_exchange(word, late, Ordering::SeqCst, Ordering::Relaxed);
            return;
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// In the parent, after the fork.
pub(super) fn open() {
    // Never below 0: the handlers may have been registered a second time during the fork.
    let _ =
        FORKING.fetch_update(Ordering::SeqCst, Ordering::Relaxed, |forking| forking.checked_sub(1));
}

/// In the child, after the fork.
pub(super) fn reopen() {
    FORKING.store(0, Ordering::SeqCst);
    CALL.store(0, Ordering::SeqCst);
}
