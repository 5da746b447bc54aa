//! What went wrong, for those who ask.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

use super::fork::Guard;
use super::state::{State, Store};
use super::tally::dropped_operations;

/// How this process's own counting fares; see [`health`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Health {
    shared: bool,
    started: bool,
    directory: Option<PathBuf>,
    problem: Option<Error>,
    stuck_functions: u64,
    dropped_series: u64,
    dropped_operations: u64,
}

impl Health {
    /// Whether other processes can see what this one counts. `false` before the first use, and wherever counting is private:
    /// because no directory was named, because it can't be used ([`problem`](Self::problem) says why), or because
    /// someone removed this process's file.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether anything was recorded or set up since the program began, or since it forked.
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// The directory that was named, fit or not.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Why counting is private or incomplete, with the path; that somebody removed this process's file; or which function doesn't return
    /// ([`stuck_functions`](Self::stuck_functions)).
    pub fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }

    /// Functions given to [`Gauge::set_function`](crate::Gauge::set_function) and its siblings that were called more than a
    /// second ago and have not returned: what they say is as old as that. Each holds a thread; once there are eight, no
    /// function of this process is called until one of them returns.
    pub fn stuck_functions(&self) -> u64 {
        self.stuck_functions
    }

    /// Declared series that have no cells, for want of room.
    pub fn dropped_series(&self) -> u64 {
        self.dropped_series
    }

    /// Operations that were recorded nowhere, since the program began.
    pub fn dropped_operations(&self) -> u64 {
        self.dropped_operations
    }
}

/// What to tell where the segment's file was removed.
fn removed(store: &Store) -> Option<Error> {
    let what = "somebody removed this process's file: what it counts is seen by itself only";
    let error = store.was_removed().then(|| Error::directory(what))?;
    Some(match store.directory() {
        Some(path) => error.at(&path),
        None => error,
    })
}

/// How this process's counting fares. Recording itself never fails and never says anything; this does.
///
/// ```
/// let health = headcount::health();
/// if let Some(problem) = health.problem() {
///     eprintln!("metrics of this process are not shared: {problem}");
/// }
/// ```
pub fn health() -> Health {
    let dropped_operations = dropped_operations();
    match Guard::lock() {
        Some(store) => Health {
            shared: store.is_shared(),
            started: store.state == State::Live,
            directory: store.directory(),
            problem: store.problem.as_ref().map(Error::copy).or_else(|| removed(&store)).or_else(
                || {
                    store
                        .callbacks
                        .complaints()
                        .next()
                        .map(|what| Error::new(ErrorKind::Stuck(what)))
                },
            ),
            stuck_functions: store.callbacks.complaints().count() as u64,
            dropped_series: store.dropped_series,
            dropped_operations,
        },
        None => Health {
            shared: false,
            started: true,
            directory: None,
            problem: None,
            stuck_functions: 0,
            dropped_series: 0,
            dropped_operations,
        },
    }
}
