//! Rows of families with an `idle_timeout` go when nobody has touched them for so long. The process
//! itself sees to that: in a thread that looks now and then
//! whether what is counted has changed, so that counting costs nothing more; and once more when it
//! collects itself.

use core::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::process::{Blocked, epoch};
use crate::store;

/// The epoch of the process that has the thread, and one more: a child has none, until it counts.
static THREAD: AtomicU32 = AtomicU32::new(0);

/// Starts the thread, in a process that doesn't have it.
pub(crate) fn ensure_thread() {
    let mark = epoch().wrapping_add(1).max(1);
    if THREAD.swap(mark, Ordering::Relaxed) == mark {
        return;
    }
    // The program's signals are for the program's threads.
    let _blocked = Blocked::all();
    let started = std::thread::Builder::new().name("headcount".to_owned()).spawn(|| {
        let mut pause = store::remove_idle();
        loop {
            std::thread::sleep(Duration::from_secs(u64::from(pause)));
            pause = store::remove_idle();
        }
    });
    if started.is_err() {
        // No thread to be had: the next row, or the next child, tries again.
        THREAD.store(0, Ordering::Relaxed);
    }
}
