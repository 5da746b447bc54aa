//! The store's only mutex.
//!
//! Its word holds the owner, so that taking it and becoming its known owner are one step. A flag
//! beside a mutex of the standard library would be set a moment too early or too late: a signal
//! handler that records or forks in that moment would wait for its own thread, or leave the child
//! with a mutex that no thread holds.
//!
//! It is held for microseconds, by threads that use a series for the first time. A waiting thread
//! sleeps in the kernel.
#![expect(unsafe_code, reason = "what the mutex guards may go from thread to thread")]

use core::cell::{Cell, UnsafeCell};
use core::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::kernel::thread::futex;

/// A value that one thread at a time may use.
pub(super) struct Mutex<T> {
    /// The owner's token, or 0.
    owner: AtomicU32,
    waiting: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is reached by the owner only, and a `T: Send` may be reached by one thread after
// another.
unsafe impl<T: Send> Sync for Mutex<T> {}

thread_local! {
    static TOKEN: Cell<u32> = const { Cell::new(0) };
}

/// A number that no other living thread of the process has.
pub(super) fn me() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    match TOKEN.get() {
        0 => {
            // Tokens repeat after 2^32 threads. 0 is skipped, because it means no owner.
            let token = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1);
            TOKEN.set(token);
            token
        }
        token => token,
    }
}

impl<T> Mutex<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { owner: AtomicU32::new(0), waiting: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }

    /// Whether the calling thread holds it.
    pub(super) fn is_mine(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == me()
    }

    /// Takes it. The calling thread must not hold it: check [`is_mine`](Self::is_mine).
    pub(super) fn take(&self) {
        let me = me();
        loop {
            // Acquire: the changes by the last owner are visible.
            match self.owner.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return,
                Err(owner) => self.wait(owner),
            }
        }
    }

    /// Takes it if it is free.
    pub(super) fn try_take(&self) -> bool {
        self.owner.compare_exchange(0, me(), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes it from a thread that does not exist any more. The guarded value may be half changed.
    pub(super) fn abandon(&self) {
        self.owner.store(0, Ordering::Relaxed);
    }

    /// Sleeps until the owner changes, or for a short time.
    fn wait(&self, owner: u32) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // The limit is a belt: a signal handler that forks out of this very wait leaves the child
        // with a count of waiters that is one too high, and no harm is done by looking again.
        let limit = Duration::from_millis(50).try_into().ok();
        let _ = futex::wait(&self.owner, futex::Flags::PRIVATE, owner, limit.as_ref());
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// Releases it.
    pub(super) fn release(&self) {
        debug_assert!(self.is_mine());
        // SeqCst, as in `wait`: either the waiter sees that it is free, or we see the waiter.
        self.owner.store(0, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let _ = futex::wake(&self.owner, futex::Flags::PRIVATE, 1);
        }
    }

    /// The guarded value, which only the owner may use. A pointer, because a mutable reference that
    /// is made where a shared one is wanted would invalidate earlier references.
    pub(super) fn value(&self) -> *mut T {
        self.value.get()
    }
}
