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

/// What calls and forks know of each other.
#[derive(Debug)]
struct Gate {
    /// The number of the call in progress; 0 if there is none.
    call: AtomicU64,
    /// The number of threads that are about to fork.
    forking: AtomicU32,
}

static GATE: Gate = Gate::new();

/// The bit of a call's number that says that forks wait for the call.
const AWAITED: u64 = 1;

/// The maximum time for which a fork waits for a function.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// A function may run while this exists.
#[derive(Debug)]
pub(crate) struct Call {
    gate: &'static Gate,
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
    GATE.enter(is_awaited)
}

/// Whether a fork is waiting for functions to end.
pub(crate) fn is_in_the_way() -> bool {
    GATE.forking.load(Ordering::Relaxed) > 0
}

/// The number of the call in progress.
pub(crate) fn running() -> Option<u64> {
    let word = GATE.call.load(Ordering::Relaxed);
    (word != 0 && is_ours(word)).then_some(word & !AWAITED)
}

/// Allows other calls while this one continues. `false` if it has ended.
pub(crate) fn give_up(number: u64) -> bool {
    GATE.take(number).is_some()
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
        match self.gate.take(self.number) {
            Some(word) if self.is_awaited && word & AWAITED == 0 => End::Late,
            Some(_) => End::InTime,
            None => End::GivenUp,
        }
    }
}

/// For the fork handlers: before the fork.
pub(super) fn close() {
    GATE.close();
}

/// In the parent, after the fork.
pub(super) fn open() {
    GATE.open();
}

/// In the child, after the fork.
pub(super) fn reopen() {
    GATE.forking.store(0, Ordering::SeqCst);
    GATE.call.store(0, Ordering::SeqCst);
}

impl Gate {
    const fn new() -> Self {
        Self { call: AtomicU64::new(0), forking: AtomicU32::new(0) }
    }

    fn enter(&'static self, is_awaited: bool) -> Option<Call> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let serial = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let number = mark() | u64::from(serial) << 1 & u64::from(u32::MAX);
        let word = number | if is_awaited { AWAITED } else { 0 };
        let seen = self.call.load(Ordering::Relaxed);
        // A call of another process is stale: the parent was calling a function when it was forked
        // without handlers.
        let is_free = seen == 0 || !is_ours(seen);
        let exchange =
            || self.call.compare_exchange(seen, word, Ordering::SeqCst, Ordering::Relaxed);
        if !is_free || exchange().is_err() {
            return None;
        }
        let call = Call { gate: self, number, is_awaited };
        // SeqCst, as in `close`: either the fork sees our call and waits, or we see the fork.
        if self.forking.load(Ordering::SeqCst) > 0 {
            call.end();
            return None;
        }
        Some(call)
    }

    /// Ends a call; only the first caller succeeds.
    #[allow(deprecated, reason = "its newer name needs Rust 1.95")]
    fn take(&self, number: u64) -> Option<u64> {
        let is_this = |word: u64| (word & !AWAITED == number).then_some(0);
        self.call.fetch_update(Ordering::SeqCst, Ordering::Relaxed, is_this).ok()
    }

    /// Announces a fork, and waits for the call in progress, if it is one that forks wait for.
    fn close(&self) {
        if let Some(awaited) = self.announce() {
            self.wait_for(awaited);
        }
    }

    /// Announces a fork. Returns the word of the only call to wait for: a call that begins later
    /// sees the fork, and ends without having called its function.
    fn announce(&self) -> Option<u64> {
        self.forking.fetch_add(1, Ordering::SeqCst);
        let word = self.call.load(Ordering::SeqCst);
        (word & AWAITED != 0 && is_ours(word)).then_some(word)
    }

    fn wait_for(&self, awaited: u64) {
        let began = Instant::now();
        while self.call.load(Ordering::SeqCst) == awaited {
            if began.elapsed() > PATIENCE {
                // Fails if the call ends at this moment.
                let (late, order) = (awaited & !AWAITED, Ordering::SeqCst);
                let _ = self.call.compare_exchange(awaited, late, order, Ordering::Relaxed);
                return;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    #[allow(deprecated, reason = "its newer name needs Rust 1.95")]
    fn open(&self) {
        // Never below 0: the handlers may have been registered a second time during the fork.
        let one_less = |forking: u32| forking.checked_sub(1);
        let _ = self.forking.fetch_update(Ordering::SeqCst, Ordering::Relaxed, one_less);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_waits_only_for_the_call_that_it_found() {
        static GATE: Gate = Gate::new();
        let first = GATE.enter(true).unwrap();
        let awaited = GATE.announce().unwrap();
        // The call has ended, and another one has begun and has not looked for forks yet.
        let next = awaited.wrapping_add(2);
        GATE.call.store(next, Ordering::SeqCst);
        GATE.wait_for(awaited);
        assert_eq!(GATE.call.load(Ordering::SeqCst), next, "it is not late");
        assert_eq!(first.end(), End::GivenUp);
    }

    #[test]
    fn a_call_that_keeps_a_fork_waiting_is_late_and_others_do_not_begin() {
        static GATE: Gate = Gate::new();
        let call = GATE.enter(true).unwrap();
        assert!(GATE.enter(true).is_none(), "one at a time");
        GATE.close();
        assert_eq!(call.end(), End::Late);
        assert!(GATE.enter(true).is_none(), "a fork is in progress");
        GATE.open();
        assert_eq!(GATE.enter(false).unwrap().end(), End::InTime);
    }

    #[test]
    fn a_call_that_is_known_to_be_slow_keeps_no_fork_waiting() {
        static GATE: Gate = Gate::new();
        let call = GATE.enter(false).unwrap();
        GATE.close();
        assert_eq!(call.end(), End::InTime, "nothing waited for it");
        GATE.open();
    }
}
