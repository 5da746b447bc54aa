//! Warnings to the program's logger.

use core::time::Duration;

use crate::process::Blocked;

/// Passes a message to the program's logger. That runs the user's code, which may record, fork,
/// panic, or wait for a lock that the caller of this very operation holds. So it runs in a thread
/// of its own, for which this function waits a short time only.
pub(super) fn warn(message: String) {
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
