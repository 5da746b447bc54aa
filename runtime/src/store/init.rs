//! How a program starts to count: `init`, and the first collection.

use crate::config::{Config, ON};
use crate::declare::registry;
use crate::error::{Error, ErrorKind};

use super::callbacks::set_sample_interval;
use super::dynamic::is_anything_declared;
use super::guard::Guard;
use super::state::State;

/// Decides where this process and its children count, and creates this process's segment.
///
/// Call it at the start of the program, before it forks: children inherit the decision. Without it
/// the first recording does the same, with the settings of the environment.
///
/// # Errors
///
/// Returns an error if the directory cannot be used: it cannot be created, is not a directory,
/// belongs to another user, everybody may write to it, or it has no space, even after the segments
/// of dead processes were compacted. Recording works all the same, in memory that only this process
/// can read, for as long as the process lives; a forked child tries again.
///
/// On systems on which processes can't share a directory (see [`Error::is_unsupported`]), that is
/// an error only if the program requires it ([`Config::required`]): so a program that is written
/// for Linux runs on its developers' machines. The logger says so once.
///
/// Also returns an error if recording had begun in another place, since what was counted cannot be
/// moved ([`Error::is_already_started`]).
///
/// # Examples
///
/// ```
/// use headcount::{Config, testing::TestDirectory};
///
/// fn main() -> Result<(), headcount::Error> {
///     let (one, other) = (TestDirectory::new()?, TestDirectory::new()?);
///     headcount::init(Config::new().directory(one.path()))?;
///     headcount::init(Config::new().directory(one.path()))?; // the same again: nothing to do
///
///     let error = headcount::init(Config::new().directory(other.path())).unwrap_err();
///     assert!(error.is_already_started());
///     assert_eq!(error.path(), Some(one.path())); // where it counts
///     Ok(())
/// }
/// ```
pub fn init(config: Config) -> Result<(), Error> {
    if !ON {
        return Ok(());
    }
    if let Some(interval) = config.chosen_interval() {
        set_sample_interval(interval);
    }
    let choice = config.choice();
    // `None`: called from inside an operation of this very thread (an allocator, a signal handler);
    // that one decides.
    let Some(mut store) = Guard::settled() else { return Ok(()) };
    if store.is_live() {
        if store.home.directory() == choice.directory {
            // A repeated call: the result of the first attempt is still true.
            return store.shortcoming(choice.required).map_or(Ok(()), Err);
        }
        let started = Error::new(ErrorKind::AlreadyStarted);
        return Err(store.home.directory().iter().fold(started, |error, path| error.at(path)));
    }
    if store.state == State::Failed {
        store.state = State::Forked;
    }
    let required = choice.required;
    store.home.set(config, choice);
    let Some(mut store) = store.made_live() else { return Ok(()) };
    let shortcoming = store.shortcoming(required);
    if shortcoming.is_some() || !store.is_unsupported() {
        // The caller gets the error, so it need not be logged.
        store.on_release.warning = None;
        store.problems.said_alone = false;
    }
    shortcoming.map_or(Ok(()), Err)
}

/// Makes this process's segment, if the program declares anything, so that its series exist before
/// they are used.
pub(crate) fn start() {
    if ON && (!registry::is_empty() || is_anything_declared()) {
        drop(Guard::live());
    }
}
