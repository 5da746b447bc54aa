//! A thread that removes the rows of families with an `idle_timeout` when they were not touched for
//! that long. It compares the cells with their earlier values from time to time, so recording costs
//! nothing more. A collection in the process itself does the same once more.

use core::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::process::{Blocked, epoch};

use super::idle;

/// The epoch of the process that has the thread, plus one. A child has no thread until it counts.
static THREAD: AtomicU32 = AtomicU32::new(0);

/// Removes idle rows: at once, or in the thread, which is started if this process doesn't have it.
pub fn remove_idle(in_a_thread: bool) {
    if !in_a_thread {
        idle::remove_idle();
        return;
    }
    let mark = epoch().wrapping_add(1).max(1);
    if THREAD.swap(mark, Ordering::Relaxed) == mark {
        return;
    }
    // The program's signals must be delivered to the program's threads.
    let _blocked = Blocked::all();
    let started = std::thread::Builder::new().name("headcount".to_owned()).spawn(|| {
        let mut pause = idle::remove_idle();
        loop {
            std::thread::sleep(Duration::from_secs(u64::from(pause)));
            pause = idle::remove_idle();
        }
    });
    if started.is_err() {
        // The thread could not be created: the next row, or the next child, tries again.
        THREAD.store(0, Ordering::Relaxed);
    }
}
