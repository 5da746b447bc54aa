//! Warnings to the program's logger.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use crate::kernel::thread::futex;
use crate::process::Blocked;

/// Passes a message to the program's logger. That runs the user's code, which may record, fork,
/// panic, or wait for a lock that the caller of this very operation holds. So it runs in a thread
/// of its own, for which this function waits a short time only.
pub(super) fn warn(message: String) {
    if log::max_level() < log::Level::Warn {
        return;
    }
    let said = Said(Arc::new(AtomicU32::new(0)));
    let word = Arc::clone(&said.0);
    let _blocked = Blocked::all();
    let started = std::thread::Builder::new().name("headcount".to_owned()).spawn(move || {
        let _said = said;
        log::warn!(target: "headcount", "{message}");
    });
    if started.is_ok() {
        wait(&word, Duration::from_millis(50));
    }
}

/// Is 1 once the message has been passed on, or the logger has panicked. A channel would do, and
/// would be thirty KiB of machine code in every program.
struct Said(Arc<AtomicU32>);

impl Drop for Said {
    fn drop(&mut self) {
        self.0.store(1, Ordering::Release);
        let _ = futex::wake(&self.0, futex::Flags::PRIVATE, 1);
    }
}

fn wait(word: &AtomicU32, patience: Duration) {
    let end = Instant::now() + patience;
    while word.load(Ordering::Acquire) == 0 {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let limit = left.try_into().ok();
        let _ = futex::wait(word, futex::Flags::PRIVATE, 0, limit.as_ref());
    }
}
