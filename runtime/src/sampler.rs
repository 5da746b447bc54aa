//! Metrics whose value is what a function says.
//!
//! A collector reads files; it can't call a function in another process. So each process asks its functions itself: in a thread
//! that does nothing else, every few seconds, whether or not anybody collects; and once more when it collects itself.

use core::sync::atomic::{AtomicU32, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::operation::ON;
use crate::store::{self, Blocked, Callback, epoch, gate};

/// The epoch of the process that has the thread, and one more: a child has none, until it counts.
static THREAD: AtomicU32 = AtomicU32::new(0);

/// Calls this function from now on, in place of what was called for the same series before.
pub(crate) fn add(series: (usize, u32), function: impl Fn() + Send + Sync + 'static) {
    if ON {
        // Leaked: it may be running when it is replaced.
        let function: Callback = Box::leak(Box::new(function));
        store::add_callback(series, function, ensure_thread);
        // This one only: the caller may hold what another takes.
        if let Some(_inside) = gate::enter() {
            call(function);
        }
        ensure_thread();
    }
}

/// Whether this series has a function.
pub(crate) fn has(series: (usize, u32)) -> bool {
    ON && store::has_callback(series)
}

/// Asks all functions now, unless that is being done, or a fork is under way.
pub(crate) fn sample() {
    let Some(inside) = gate::enter() else { return };
    for function in store::callbacks() {
        if inside.is_in_the_way() {
            return;
        }
        call(function);
    }
}

fn call(function: Callback) {
    // Whatever it breaks is its own; one that panics must not silence the others.
    if catch_unwind(AssertUnwindSafe(function)).is_err() {
        store::note_dropped();
    }
}

fn ensure_thread() {
    let mark = epoch().wrapping_add(1).max(1);
    if THREAD.swap(mark, Ordering::Relaxed) == mark {
        return;
    }
    // The program's signals are for the program's threads.
    let _blocked = Blocked::all();
    let started = std::thread::Builder::new().name("headcount".to_owned()).spawn(|| {
        loop {
            std::thread::sleep(store::sample_interval());
            sample();
        }
    });
    if started.is_err() {
        // No thread to be had: the next function, or the next child, tries again.
        THREAD.store(0, Ordering::Relaxed);
    }
}
