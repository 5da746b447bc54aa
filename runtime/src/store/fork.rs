//! What happens to the store's mutex and to the segment when the program forks.
//!
//! `prepare` takes the mutex, so that no other thread is in the middle of an operation; parent and
//! child release it. Before the child releases it, it gives up everything that belongs to its
//! parent. The code uses no `Once` and no `LazyLock`: after a fork during their first use the child
//! would wait for a thread that it doesn't have.
#![expect(unsafe_code, reason = "pthread_atfork, and what the mutex guards")]

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::kernel::{pin, pthread_atfork};
use crate::process::{begin_epoch, epoch};
use crate::segment::{current, fork_safe_fd, shard, tally, wiped};

use super::guard::{ORPHANED, STORE};
use super::{gate, preparation};

/// Whether the fork handlers are registered.
static ARMED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The fork handlers of this thread hold the mutex. Two threads that come first at the same
    /// time can register the handlers twice.
    static HELD: Cell<bool> = const { Cell::new(false) };
    /// This thread is registering the handlers.
    static ARMING: Cell<bool> = const { Cell::new(false) };
}

/// Registers the fork handlers before the mutex is locked for the first time.
///
/// It does so late, and not in a constructor, so that our `prepare` runs before the allocator's,
/// because such handlers run in reverse order. An operation of ours takes the two locks in the same
/// order.
///
/// Returns `false` if this thread is already registering them, further up its stack: registering
/// allocates, and the allocator may record.
pub(super) fn arm() -> bool {
    if !ARMED.load(Ordering::Acquire) {
        if ARMING.replace(true) {
            return false;
        }
        // Done before anything is registered and before any lock of ours is taken.
        pin();
        // SAFETY: the handlers are functions of this library without arguments, and do what fork
        // handlers may: the child's makes system calls and writes memory, it neither allocates nor
        // waits.
        let refused = unsafe { pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
        wiped::arm();
        // If memory is exhausted, the next operation tries again.
        ARMED.store(refused == 0, Ordering::Release);
        ARMING.set(false);
    }
    true
}

/// Whether they were ever registered, in this process or in one that it descends from.
#[cfg(all(target_os = "linux", not(any(miri, feature = "off"))))]
pub(super) fn is_armed() -> bool {
    ARMED.load(Ordering::Relaxed)
}

extern "C" fn prepare() {
    // If the mutex is already this thread's, it forks from inside an operation of ours, or the
    // handlers are registered twice.
    if !STORE.is_mine() {
        // Closed before the mutex is taken, because a callback needs the mutex to store its value.
        gate::close();
        STORE.take();
        HELD.set(true);
        // In the child, handlers that were registered before ours run earlier than ours.
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

/// Called before anything is recorded on the slow path. In a child in which our handler has not run
/// yet, or will not run at all, does what the handler does.
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
    // If the mutex is not this thread's, the handlers are registered twice and this is the second
    // run.
    if STORE.is_mine() {
        let_go();
        if HELD.replace(false) {
            forsake();
            STORE.release();
        }
    }
}

/// Makes sure that this process reaches nothing of the parent's any more, and holds neither the
/// parent's file nor its lock.
fn let_go() {
    current::let_go(shard::reachable());
    shard::forget_all();
    fork_safe_fd::close_all();
    // Reset here and not when the store is next used: what the child drops until then is its own.
    tally::forget();
    preparation::forget();
    gate::reopen();
    wiped::mark();
    begin_epoch();
}

/// Does the same in the store. This thread holds the mutex, and no guard exists.
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
///
/// ```
/// use headcount::{Collector, Config, Counter, metric, testing::TestDirectory};
/// use nix::libc;
///
/// /// Work that was done.
/// #[metric(name = "cloned_work_total")]
/// static WORK: Counter;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let directory = TestDirectory::new()?;
///     headcount::init(Config::new().directory(directory.path()))?;
///     WORK.inc();
///     // SAFETY: the child is a copy of this process, which has one thread, and ends by `_exit`.
///     if unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } == 0 {
///         headcount::after_fork_in_child();
///         WORK.inc_by(2);
///         // SAFETY: ends the child, and nothing else.
///         unsafe { libc::_exit(0) };
///     }
///     nix::sys::wait::waitpid(None, None)?;
///     assert_eq!(Collector::new().collect()?.value("cloned_work_total", &[]), Some(3.0));
///     Ok(())
/// }
/// ```
pub fn after_fork_in_child() {
    let_go();
    if STORE.is_mine() {
        return;
    }
    if STORE.try_take() {
        forsake();
        STORE.release();
    } else {
        // A thread that this process doesn't have was inside an operation.
        ORPHANED.store(true, Ordering::Relaxed);
        STORE.abandon();
    }
}
