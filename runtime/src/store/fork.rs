//! The mutex, and what happens to it and to the segment when the program forks.
//!
//! prepare takes the mutex, so that no other thread is in the middle of anything; parent and child release it. The
//! child, in between, lets go of everything of its parent's. No `Once`, no `LazyLock`: a fork during its
//! first use would leave the child waiting for a thread that it doesn't have.
#![expect(unsafe_code, reason = "pthread_atfork, and the guard that waits between its handlers")]

use core::cell::{Cell, UnsafeCell};
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::segment::shard;

use super::state::Store;

static STORE: Mutex<Store> = Mutex::new(Store::new());

/// Forks between the program's first process and this one. What was begun in one epoch must not be ended in another.
static EPOCH: AtomicU32 = AtomicU32::new(0);

#[inline]
pub(crate) fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

thread_local! {
    /// This thread holds the mutex. A second call from inside (an instrumented allocator, a signal handler) must not wait
    /// for itself.
    static BUSY: Cell<bool> = const { Cell::new(false) };
    /// This thread's fork handlers hold it. Handlers can be registered twice, when two threads come first.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// The locked store.
pub(super) struct Guard {
    /// `None` only while dropping.
    store: Option<MutexGuard<'static, Store>>,
    epoch: u32,
}

impl Guard {
    /// `None` if this thread holds it already.
    pub(super) fn lock() -> Option<Self> {
        if BUSY.replace(true) {
            return None;
        }
        arm();
        // Nothing panics while holding it; if something did, the counters are still numbers.
        let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = epoch();
        if store.epoch != epoch {
            // Forked while this very thread was inside, by a signal handler: its fork handler could not do this.
            store.epoch = epoch;
            store.forsake();
        }
        Some(Self { store: Some(store), epoch })
    }
}

impl Deref for Guard {
    type Target = Store;

    #[expect(clippy::unwrap_used, reason = "taken in drop only")]
    fn deref(&self) -> &Store {
        self.store.as_ref().unwrap()
    }
}

impl DerefMut for Guard {
    #[expect(clippy::unwrap_used, reason = "taken in drop only")]
    fn deref_mut(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let unsaid = self.store.as_mut().and_then(|store| store.unsaid.take());
        self.store = None;
        if self.epoch != epoch() {
            // As in `lock`: what this thread was given meanwhile belongs to nobody.
            shard::forget_all();
        }
        BUSY.set(false);
        // A logger is code of the user's: it may record, fork, or wait.
        if let Some(message) = unsaid {
            log::warn!(target: "headcount", "{message}");
        }
    }
}

/// Registers the handlers, before the mutex is locked for the first time.
///
/// Late, and not from a constructor, so that our prepare runs before the allocator's (they run in reverse order): the
/// order in which an operation of ours takes the two locks.
fn arm() {
    static ARMED: AtomicBool = AtomicBool::new(false);
    if !ARMED.load(Ordering::Acquire) {
        // SAFETY: the handlers are functions of this library without arguments, and do what fork handlers may: the
        // child's makes system calls and writes memory, it neither allocates nor waits.
        let refused =
            unsafe { libc::pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
        // Out of memory: the next operation asks again.
        ARMED.store(refused == 0, Ordering::Release);
    }
}

/// The guard, between `prepare` and the handler that runs after the fork, in the same thread.
struct Parked(UnsafeCell<Option<MutexGuard<'static, Store>>>);

// SAFETY: touched by the fork handlers only, and only by the thread that holds the mutex.
unsafe impl Sync for Parked {}

static PARKED: Parked = Parked(UnsafeCell::new(None));

extern "C" fn prepare() {
    // BUSY: this thread forks from inside an operation of ours. It holds the mutex, or is about to.
    if BUSY.get() || HELD.replace(true) {
        return;
    }
    let store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: this thread holds the mutex, so no other is in a handler between prepare and release.
    unsafe { *PARKED.0.get() = Some(store) };
}

/// Takes the guard back, if this thread's `prepare` left one.
fn unpark() -> Option<MutexGuard<'static, Store>> {
    if !HELD.replace(false) {
        return None;
    }
    // SAFETY: as in `prepare`: this thread has held the mutex since then.
    unsafe { (*PARKED.0.get()).take() }
}

extern "C" fn in_parent() {
    drop(unpark());
}

extern "C" fn in_child() {
    // Registered twice, it runs twice: the second time HELD is unset, and forsaking again would be harmless.
    if HELD.get() || BUSY.get() {
        shard::forget_all();
        EPOCH.fetch_add(1, Ordering::Relaxed);
    }
    if let Some(mut store) = unpark() {
        store.epoch = epoch();
        store.forsake();
    }
}

/// Does what the fork handlers do, in a child that was made without them: by `clone`, `_Fork`, or a host's own system call.
///
/// Until it is called, the child counts in its parent's segment, and both lose counts. Call it first thing in the
/// child, before anything is recorded there, and never in a process that has other threads. It is async-signal-safe, as
/// long as the parent wasn't inside a first use while it forked.
pub fn after_fork_in_child() {
    shard::forget_all();
    EPOCH.fetch_add(1, Ordering::Relaxed);
    if BUSY.get() {
        return;
    }
    if let Ok(mut store) = STORE.try_lock() {
        store.epoch = epoch();
        store.forsake();
    }
}
