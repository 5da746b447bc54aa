//! What happens to the mutex and to the segment when the program forks.
//!
//! prepare takes the mutex, so that no other thread is in the middle of anything; parent and child
//! release it. The child, in between, lets go of everything of its parent's. No `Once`, no
//! `LazyLock`: a fork during its first use would leave the child waiting for a thread that it
//! doesn't have.
#![expect(unsafe_code, reason = "pthread_atfork, and what the mutex guards")]

use core::cell::Cell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

#[cfg(not(miri))]
use libc::pthread_atfork;

use crate::process::{Blocked, Forks, begin_epoch, epoch};
use crate::segment::{current, fold_fd, shard, tally, wiped};

use super::mutex::Mutex;
use super::pin::pin;
use super::state::Store;
use super::{gate, idle_thread, making_room};
#[cfg(miri)]
use crate::no_kernel::pthread_atfork;

static STORE: Mutex<Store> = Mutex::new(Store::new());

/// Whether this process was made, without fork handlers, while a thread that it doesn't have held
/// the
/// mutex: nobody can know what the store holds, and nothing is recorded.
static ORPHANED: AtomicBool = AtomicBool::new(false);

/// Whether the fork handlers are registered.
static ARMED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// This thread's fork handlers hold the mutex. Handlers can be registered twice, when two
    /// threads come first.
    static HELD: Cell<bool> = const { Cell::new(false) };
    /// This thread registers the handlers.
    static ARMING: Cell<bool> = const { Cell::new(false) };
}

/// The locked store. A thread has one at a time.
pub(super) struct Guard {
    /// The epoch in which it was taken.
    since: u32,
    /// Dropped after the mutex is released.
    signals: Option<Blocked>,
}

impl Guard {
    /// Whether anybody has taken it yet, in this process or one that it descends from.
    #[cfg(not(any(miri, feature = "off")))]
    pub(super) fn has_been_taken() -> bool {
        ARMED.load(Ordering::Relaxed)
    }

    /// `None` if this thread holds it already: a second call from inside (an instrumented
    /// allocator, a signal handler) must not wait for itself.
    pub(super) fn lock() -> Option<Self> {
        notice();
        if STORE.is_mine() || !arm() {
            return None;
        }
        let signals = Some(Blocked::all());
        if ORPHANED.load(Ordering::Relaxed) {
            return None;
        }
        STORE.take();
        let mut guard = Self { since: epoch(), signals };
        if guard.epoch != guard.since {
            // Forked while this very thread was inside, by a signal handler: its fork handler could
            // not touch the store.
            guard.epoch = guard.since;
            guard.forsake();
        }
        Some(guard)
    }
}

impl Deref for Guard {
    type Target = Store;

    fn deref(&self) -> &Store {
        // SAFETY: a guard exists while its thread holds the mutex, and there is one; `self` is
        // borrowed for as long.
        unsafe { &*STORE.value() }
    }
}

impl DerefMut for Guard {
    fn deref_mut(&mut self) -> &mut Store {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { &mut *STORE.value() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (unsaid, start) = (self.unsaid.take(), self.start.take());
        let has_idle = core::mem::take(&mut self.churn.starts_thread);
        STORE.release();
        if self.since != epoch() {
            // As in `lock`: what this thread was given meanwhile belongs to nobody.
            shard::forget_all();
        }
        self.signals = None;
        if let Some(message) = unsaid {
            say(message);
        }
        if let Some(start) = start {
            start();
        }
        if has_idle {
            idle_thread::ensure_thread();
        }
    }
}

/// Tells the program's logger. That is code of the user's: it may record, fork, panic, or wait for
/// a lock that the caller of this very operation holds. So it runs in a thread of its own, which is
/// waited for, but not for long.
fn say(message: String) {
    if log::max_level() < log::Level::Warn {
        return;
    }
    let (said, wait) = std::sync::mpsc::channel();
    let _blocked = Blocked::all();
    let started = std::thread::Builder::new().name("headcount".to_owned()).spawn(move || {
        log::warn!(target: "headcount", "{message}");
        let _ = said.send(());
    });
    if started.is_ok() {
        let _ = wait.recv_timeout(Duration::from_millis(50));
    }
}

/// Registers the handlers, before the mutex is locked for the first time.
///
/// Late, and not from a constructor, so that our prepare runs before the allocator's (they run in
/// reverse order): the order in which an operation of ours takes the two locks.
///
/// `false` if this thread is doing that further up its stack: what it calls allocates, and the
/// allocator may record.
fn arm() -> bool {
    if !ARMED.load(Ordering::Acquire) {
        if ARMING.replace(true) {
            return false;
        }
        // Before anything is registered, and before any lock of ours is taken.
        pin();
        // SAFETY: the handlers are functions of this library without arguments, and do what fork
        // handlers may: the child's makes system calls and writes memory, it neither allocates nor
        // waits.
        let refused = unsafe { pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
        wiped::arm();
        // Out of memory: the next operation asks again.
        ARMED.store(refused == 0, Ordering::Release);
        ARMING.set(false);
    }
    true
}

extern "C" fn prepare() {
    // Mine: this thread forks from inside an operation of ours, or these handlers are registered
    // twice.
    if !STORE.is_mine() {
        // Before the mutex: a callback needs it to say what it has to say.
        gate::close();
        STORE.take();
        HELD.set(true);
        // Handlers that were registered before ours run between here and ours in the child.
        shard::pause();
    }
}

extern "C" fn in_parent() {
    if HELD.replace(false) {
        shard::resume();
        STORE.release();
        gate::open();
    }
}

/// Before anything is recorded out of line: in a child in which our handler has not run yet, or
/// will
/// not run at all, does what it does.
pub(super) fn notice() {
    if wiped::is_wiped() {
        become_child();
    }
}

#[cold]
fn become_child() {
    if STORE.is_mine() {
        in_child();
    } else {
        after_fork_in_child();
    }
}

extern "C" fn in_child() {
    // Not mine: registered twice, and this is the second time.
    if STORE.is_mine() {
        let_go();
        if HELD.replace(false) {
            forsake();
            STORE.release();
        }
    }
}

/// Nothing of the parent's is reached from here on, and nothing of it kept: neither its file nor
/// its lock.
fn let_go() {
    current::let_go(shard::reachable());
    shard::forget_all();
    fold_fd::close_all();
    // Here, and not when the store is looked at: what the child drops until then is its own.
    tally::forget();
    making_room::forget();
    gate::reopen();
    wiped::mark();
    begin_epoch();
}

/// In the store, the same. The mutex is this thread's, and no guard is alive.
fn forsake() {
    // SAFETY: `prepare` or `after_fork_in_child` took the mutex; no `Guard` of this thread exists,
    // else they hadn't.
    let store = unsafe { &mut *STORE.value() };
    store.epoch = epoch();
    store.forsake();
}

/// Does what the fork handlers do, in a child that was created without them: by `clone`, `_Fork`,
/// or a host's own system call.
///
/// Until it is called, the child counts in its parent's segment, and both lose counts. Call it
/// first in the child, before anything is recorded there, and never in a process that has other
/// threads. It is async-signal-safe, unless a thread of the parent was inside a first use during
/// the fork.
pub fn after_fork_in_child() {
    let_go();
    if STORE.is_mine() {
        return;
    }
    if STORE.try_take() {
        forsake();
        STORE.release();
    } else {
        // A thread that this process doesn't have was in the middle of something.
        ORPHANED.store(true, Ordering::Relaxed);
        STORE.abandon();
    }
}

/// How others do something during which this process doesn't fork.
pub(crate) const FORKS: Forks = Forks(|what| {
    let Some(_guard) = Guard::lock() else { return false };
    what();
    true
});
