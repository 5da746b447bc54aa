//! Finds the directory in which this process counts.
//!
//! Once the directory is found, its descriptor is kept, and checked under the mutex: that does not
//! wait for anybody. Before that, and if the descriptor was lost, paths are walked, which takes as
//! long as the filesystem takes. Therefore the mutex is not held then, and no signal is blocked.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Choice;
use crate::directory::{Directory, Found, KnownDirectory};
use crate::error::Error;
use crate::kernel;
use crate::kernel::io::Errno;

use super::guard::Guard;
use super::home::Home;

/// A search, with a copy of what is decided, since it is made without the mutex.
#[derive(Debug)]
pub(super) struct Search(Home);

/// The result of the search.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) choice: Choice,
    pub(super) kept: Option<Arc<KnownDirectory>>,
    pub(super) place: Place,
}

/// Where segments are created. `None`: no directory was named.
pub(super) type Place = Option<Result<Directory, Error>>;

impl Search {
    pub(super) fn of(home: &Home) -> Self {
        Self(home.clone())
    }

    fn decide(&mut self) -> Choice {
        self.0.decide().clone()
    }

    /// The directory that was named.
    pub(super) fn directory(mut self) -> Option<PathBuf> {
        self.decide().directory
    }

    /// For the creation of a segment. Creates the directory if it is missing.
    pub(super) fn for_writing(mut self) -> Outcome {
        let choice = self.decide();
        let Some(path) = &choice.directory else {
            return Outcome { choice, kept: None, place: None };
        };
        let opened = self.find(
            &choice,
            || Directory::open_or_create(path, choice.group),
            |kept| {
                let is_missing = Some(Errno::NOENT.raw_os_error());
                match kept.find_by_path() {
                    Err(e) if e.raw_os_error() == is_missing && choice.is_of_this_root() => {
                        Directory::open_or_create(path, choice.group)
                    }
                    found => found,
                }
            },
        );
        let kept = match &opened {
            Ok((_, true)) | Err(_) => self.0.kept().cloned(),
            Ok((directory, false)) => KnownDirectory::of(directory).ok().map(Arc::new),
        };
        let place = Some(opened.map(|(directory, _)| directory));
        Outcome { choice, kept, place }
    }

    /// For a collector. `None`: no directory was named.
    fn for_reading(mut self) -> Place {
        let choice = self.decide();
        // Where processes can't share one, this process's own numbers are all that there is.
        let path = choice.directory.as_ref().filter(|_| kernel::SHARES)?;
        let opened = self.find(&choice, || Directory::open(path), KnownDirectory::find_by_path);
        Some(opened.map(|(directory, _)| directory))
    }

    /// The directory, and whether the kept descriptor led to it.
    fn find(
        &self,
        choice: &Choice,
        open: impl FnOnce() -> Result<Directory, Error>,
        find_by_path: impl FnOnce(&KnownDirectory) -> Result<Directory, Error>,
    ) -> Result<(Directory, bool), Error> {
        let kept = self.0.kept();
        let found = match kept {
            Some(kept) => kept.find()?,
            None => Found::Removed,
        };
        match (found, kept) {
            (Found::There(directory), _) => Ok((directory, true)),
            (Found::Closed, Some(kept)) => Ok((find_by_path(kept)?, false)),
            _ if choice.is_of_this_root() => Ok((open()?, false)),
            _ => {
                let reason = "the root directory isn't the one in which the directory was named";
                let error = Error::directory(reason);
                Err(choice.directory.iter().fold(error, |error, path| error.at(path)))
            }
        }
    }
}

/// The directory that this process's collector reads; `None`: no directory was named.
pub(crate) fn open_directory() -> Result<Option<Directory>, Error> {
    let Some(store) = Guard::lock() else { return Ok(None) };
    let search = Search::of(&store.home);
    drop(store);
    search.for_reading().transpose()
}

/// Returns environment variables for [`Command::envs`](std::process::Command::envs) that make a
/// child started by `exec` count in this process's directory. Empty if the process has none.
///
/// A forked child inherits all of this, and the open directory too. A program started by `exec` has
/// only its environment: unless that names the directory, the program counts for itself alone.
///
/// # Examples
///
/// ```
/// use std::process::Command;
/// use headcount::Config;
///
/// # let directory = std::env::temp_dir().join(format!("headcount-child-{}", std::process::id()));
/// headcount::init(Config::new().directory(&directory))?;
///
/// let mut child = Command::new("printenv");
/// child.arg("HEADCOUNT_DIR").envs(headcount::child_env());
/// assert_eq!(child.output()?.stdout, format!("{}\n", directory.display()).as_bytes());
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn child_env() -> Vec<(&'static str, std::ffi::OsString)> {
    let Some(store) = Guard::lock() else { return Vec::new() };
    let mut search = Search::of(&store.home);
    drop(store);
    search.decide().as_environment()
}
