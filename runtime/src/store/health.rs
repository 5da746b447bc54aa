//! A report on problems of this process's counting.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::segment::tally::dropped_operations;

use super::guard::Guard;
use super::search::Search;
use super::state::{State, Store};

/// The state of this process's own counting; see [`health`].
///
/// ```
/// use headcount::{Config, Counter, metric, testing::TestDirectory};
///
/// /// Letters sent.
/// #[metric(name = "healthy_letters_total")]
/// static LETTERS: Counter;
///
/// assert!(!headcount::health().has_started());
/// let directory = TestDirectory::new()?;
/// headcount::init(Config::new().directory(directory.path()))?;
/// LETTERS.inc();
///
/// let health = headcount::health();
/// assert!(health.is_shared() && health.problem().is_none());
/// assert_eq!(health.directory(), Some(directory.path()));
/// assert_eq!((health.dropped_series(), health.dropped_operations()), (0, 0));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone)]
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
    /// Returns whether other processes can see what this one counts. It is `false` before the first
    /// use, and whenever counting is private: because no directory was named, because it cannot be
    /// used ([`problem`](Self::problem) says why), or because somebody removed this process's file.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Returns whether anything was recorded or set up since the program began, or since it forked.
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// Returns the directory that was named, whether or not it is fit to count in.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Returns why counting is private or incomplete, with the path; that somebody removed this
    /// process's file; or which function does not return
    /// ([`stuck_functions`](Self::stuck_functions)). It is also an error if no directory was named
    /// ([`Error::is_private`]), unless [`Config::required`](crate::Config::required) is `false`.
    /// `None` before the first use.
    pub fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }

    /// Returns the number of functions given to [`Gauge::set_function`](crate::Gauge::set_function)
    /// and its siblings that were called more than a second ago and have not returned. Their values
    /// are as old as that. Each such function holds a thread; once there are eight, no function of
    /// this process is called until one of them returns.
    pub fn stuck_functions(&self) -> u64 {
        self.stuck_functions
    }

    /// Returns the number of declared series that have no cells, because there was no space or
    /// because another declaration contradicts theirs.
    pub fn dropped_series(&self) -> u64 {
        self.dropped_series
    }

    /// Returns the number of operations since the program began that were recorded nowhere.
    pub fn dropped_operations(&self) -> u64 {
        self.dropped_operations
    }
}

/// Returns the state of this process's counting. Recording never fails and reports nothing; this
/// function does.
///
/// ```
/// let health = headcount::health();
/// if let Some(problem) = health.problem() {
///     eprintln!("metrics of this process are not shared: {problem}");
/// }
/// ```
pub fn health() -> Health {
    let dropped_operations = dropped_operations();
    let Some(store) = Guard::lock() else {
        return Health {
            shared: false,
            started: true,
            directory: None,
            problem: None,
            stuck_functions: 0,
            dropped_series: 0,
            dropped_operations,
        };
    };
    let health = Health {
        shared: store.is_shared(),
        started: store.is_live(),
        directory: None,
        problem: store.problem(),
        stuck_functions: store.callbacks.complaints().count() as u64,
        dropped_series: store.declarations.dropped,
        dropped_operations,
    };
    let search = Search::of(&store.home);
    drop(store);
    Health { directory: search.directory(), ..health }
}

impl Store {
    /// Whether no other process can see what this one counts.
    fn is_alone(&self) -> bool {
        match self.state {
            State::Live => !self.is_shared(),
            State::Failed => true,
            // It has not counted anything yet.
            State::New | State::Forked => false,
        }
    }

    /// Why it is alone, unless the program wants that.
    fn why_alone(&self, required: Option<bool>) -> Option<Error> {
        if !self.is_alone() {
            return None;
        }
        let choice = self.home.choice()?;
        let Some(path) = &choice.directory else {
            return (required != Some(false)).then(|| Error::new(ErrorKind::Private));
        };
        if self.was_removed() {
            let what =
                "somebody removed this process's file: what it counts is seen by itself only";
            return Some(Error::directory(what).at(path));
        }
        self.problems.current.clone()
    }

    fn problem(&self) -> Option<Error> {
        let required = self.home.required();
        let (known, alone) = (self.problems.current.clone(), self.why_alone(required));
        let stuck = || self.callbacks.complaints().next().map(ErrorKind::Stuck).map(Error::new);
        // Many programs want to be alone without a directory, so any other problem is reported
        // first.
        match alone {
            Some(alone) if alone.is_private() => known.or_else(stuck).or(Some(alone)),
            alone => known.or(alone).or_else(stuck),
        }
    }

    /// Why `init` fails, if it does. If no directory was named, that is a failure only if the
    /// program requires one.
    pub(super) fn shortcoming(&self, required: Option<bool>) -> Option<Error> {
        let alone = self
            .why_alone(required)
            .filter(|e| required == Some(true) || !(e.is_private() || e.is_unsupported()));
        let current = self.problems.current.clone();
        current.filter(|_| required == Some(true) || !self.is_unsupported()).or(alone)
    }

    /// Whether the only problem is that processes can't share a directory on this system.
    pub(super) fn is_unsupported(&self) -> bool {
        self.problems.current.as_ref().is_some_and(Error::is_unsupported)
    }
}

/// Whether only this process sees what it counts, for a collector. If the program does not want
/// that, reports it to the logger once.
pub(crate) fn tell_if_alone() -> bool {
    let Some(mut store) = Guard::lock() else { return false };
    let required = store.home.required();
    if let (Some(why), false) = (store.why_alone(required), store.problems.said_alone) {
        store.problems.said_alone = true;
        store.on_release.warning = Some(format!("counts of this process are not shared: {why}"));
    }
    let (is_alone, search) = (store.is_alone(), Search::of(&store.home));
    drop(store);
    is_alone || search.directory().is_none()
}
