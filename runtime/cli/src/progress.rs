//! Progress of work that may take long, for a person at a terminal.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Shorter work shows nothing.
const PAUSE: Duration = Duration::from_millis(500);

/// Does the work, and shows meanwhile how many segments are left in the directory.
pub(crate) fn shown<T>(directory: &Path, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    thread::scope(|scope| {
        let (done, ended) = channel::<()>();
        scope.spawn(move || {
            let mut was_shown = false;
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                // Goes to the beginning of the line, and clears it.
                let _ = write!(io::stderr(), "\r\x1b[K{} segments left", segments(directory));
                was_shown = true;
            }
            if was_shown {
                let _ = write!(io::stderr(), "\r\x1b[K");
            }
        });
        let result = work();
        drop(done);
        result
    })
}

fn segments(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "hc")).count()
}
