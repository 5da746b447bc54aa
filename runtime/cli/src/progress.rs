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
    shown_on(io::stderr(), directory, PAUSE, work)
}

fn shown_on<T>(
    mut out: impl Write + Send,
    directory: &Path,
    pause: Duration,
    work: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        let (done, ended) = channel::<()>();
        scope.spawn(move || {
            let mut was_shown = false;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                // Goes to the beginning of the line, and clears it.
                let _ = write!(out, "\r\x1b[K{} segments left", segments(directory));
                was_shown = true;
            }
            if was_shown {
                let _ = write!(out, "\r\x1b[K");
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits until the screen has so many lines; a wait that has no end is a failure of the test.
    fn wait_for(screen: &Screen, lines: usize) {
        while screen.text().matches("segments left").count() < lines {
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn long_work_shows_what_is_left_and_clears_it_at_the_end() {
        let name = format!("headcount-progress-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        for name in ["1-a.hc", "2-b.hc", "archive.hca"] {
            fs::write(directory.join(name), "").unwrap();
        }
        let screen = Screen::default();
        let result = shown_on(screen.clone(), &directory, Duration::from_millis(2), || {
            wait_for(&screen, 1);
            fs::remove_file(directory.join("1-a.hc")).unwrap();
            let before = screen.text().matches("segments left").count();
            wait_for(&screen, before + 2);
            7
        });
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(result, 7);
        let said = screen.text();
        assert!(said.starts_with("\r\x1b[K2 segments left\r\x1b[K"), "{said:?}");
        assert!(said.ends_with("\r\x1b[K1 segments left\r\x1b[K"), "{said:?}");
    }

    #[test]
    fn short_work_shows_nothing() {
        let screen = Screen::default();
        let hour = Duration::from_secs(3600);
        assert_eq!(shown_on(screen.clone(), Path::new("/"), hour, || 7), 7);
        assert_eq!(screen.text(), "");
    }
}
