//! Folding when it is asked for: everything, or one process.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

use super::Collector;
use super::archive::{Folder, Generation, Portion};

/// What [`Collector::compact`] did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Compacted {
    folded: usize,
    generation: u64,
    pub(super) skipped: Vec<Error>,
}

impl Compacted {
    /// Dead segments that are in the archive now, and were not before.
    pub fn folded(&self) -> usize {
        self.folded
    }

    /// The archive's generation: how often it was written. 0 if there is none.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Segments that could not be read. Those that are damaged, and nobody's any more, were renamed to end in `.bad`.
    pub fn skipped(&self) -> &[Error] {
        &self.skipped
    }
}

impl Collector {
    /// Folds everything that the dead have left into one file, the archive, without changing any number.
    ///
    /// A collection costs what the living processes cost, and one archive; how many have come and gone doesn't matter. Several
    /// may fold at once, and be killed at any moment: one of them does it, and what it has begun is done again, or was done.
    ///
    /// A collection does some of it by itself; this does all of it, for a timer or an operator.
    ///
    /// # Errors
    ///
    /// Where the directory can't be written, has no room, or belongs to another user. Where its archive is damaged or written by a newer
    /// version: it is left as it is. Where someone else is folding.
    ///
    /// # Examples
    ///
    /// ```
    /// # let directory = std::env::temp_dir().join(format!("headcount-compact-{}", std::process::id()));
    /// # std::fs::create_dir(&directory)?;
    /// let compacted = headcount::Collector::open(&directory).compact()?;
    /// assert_eq!(compacted.folded(), 0);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact(&self) -> Result<Compacted, Error> {
        let done = self.holding_the_lock(|folder| compacted(folder, Portion::ALL))?;
        Ok(done.unwrap_or(Compacted { folded: 0, generation: 0, skipped: Vec::new() }))
    }

    /// Folds the segments of this pid, if their processes have ended, and says how many there were.
    ///
    /// For those who come from Prometheus' Python client, and call it where that wants it: in gunicorn's `child_exit`. Here nothing
    /// depends on it. A dead process's live gauges are gone with its lock, at the next collection, and its segment is folded when there are
    /// enough of them.
    ///
    /// The kernel knows better than a caller: a process that holds its lock is alive whatever is said of it, and counts as 0 here, as
    /// does a pid that nobody has, or whose segments are folded already.
    ///
    /// # Errors
    ///
    /// As [`compact`](Self::compact). Where someone else is folding ([`Error::is_busy`]), nothing is amiss: it is done then, or later.
    ///
    /// # Examples
    ///
    /// ```
    /// # let directory = std::env::temp_dir().join(format!("headcount-mark-{}", std::process::id()));
    /// # std::fs::create_dir(&directory)?;
    /// let collector = headcount::Collector::open(&directory);
    /// assert_eq!(collector.mark_process_dead(std::process::id())?, 0);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mark_process_dead(&self, pid: u32) -> Result<usize, Error> {
        let done = self.holding_the_lock(|folder| compacted(folder, Portion::of(pid)))?;
        Ok(done.map_or(0, |done| done.folded))
    }

    /// For who was given the directory by a person: whether there is anything of headcount's in it.
    /// An
    /// error if there isn't.
    #[doc(hidden)]
    pub fn __look(&self) -> Result<(), Error> {
        match self.open_directory()? {
            Some(directory) if !directory.has_ours() => {
                let what = "there is nothing of headcount's here";
                Err(Error::directory(what).at(directory.path()))
            }
            _ => Ok(()),
        }
    }

    /// Does something that one process at a time may do in a directory; `None` where there is no directory.
    pub(super) fn holding_the_lock<T>(
        &self,
        what: impl FnOnce(&Folder<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let Some(directory) = self.open_directory()? else { return Ok(None) };
        if !directory.has_ours() {
            // Not even the lock's file has any business here.
            return Ok(None);
        }
        let path = directory.path();
        if !directory.is_writable() {
            return Err(Error::directory("the directory is not this user's to write").at(path));
        }
        let folder = Folder::new(&directory).map_err(|e| e.at(path))?;
        let folder = folder.ok_or_else(|| Error::new(ErrorKind::Busy).at(path))?;
        what(&folder).map(Some).map_err(|e| e.at(path))
    }
}

/// Folds the segments of this pid in this process's directory, if their processes have ended: see [`Collector::mark_process_dead`].
///
/// # Errors
///
/// As [`Collector::mark_process_dead`].
///
/// # Examples
///
/// ```
/// // This process is alive, whatever anyone says.
/// assert_eq!(headcount::mark_process_dead(std::process::id())?, 0);
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn mark_process_dead(pid: u32) -> Result<usize, Error> {
    Collector::new().mark_process_dead(pid)
}

/// So long is someone else who folds waited for, by a process that otherwise counts in private memory for good: as long as it would
/// fold itself.
const PATIENCE: Duration = Portion::FOR_ROOM.time;

/// Folds so much of this process's directory, once, as frees room for new processes and takes a
/// moment; or waits for who is doing it. For who has found
/// none there.
pub(crate) fn make_room() -> Result<(), Error> {
    let folding = |folder: &Folder<'_>| one_that_fits(folder, Portion::FOR_ROOM, &mut Vec::new());
    let began = Instant::now();
    loop {
        match Collector::new().holding_the_lock(folding) {
            // Of a thousand workers that start at once, most come here.
            Err(e) if e.is_busy() && began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(2));
            }
            done => return done.map(drop),
        }
        let directory = Collector::new().open_directory()?;
        if directory.is_none_or(|directory| !directory.is_nearly_full()) {
            return Ok(());
        }
    }
}

/// One generation. Without room for the new archive beside the old one and the segments, it is one of ever fewer segments: these then leave room for
/// the next. In the end the dead give back what they don't use.
fn one_that_fits(
    folder: &Folder<'_>,
    portion: Portion,
    skipped: &mut Vec<Error>,
) -> Result<Generation, Error> {
    let (mut next, mut had_zeros) = (portion, true);
    loop {
        let failed = match folder.generation(next, skipped) {
            Err(e) if e.is_want_of_room() => e,
            done => return done,
        };
        if let Some(less) = next.less() {
            next = less;
        } else if core::mem::take(&mut had_zeros) && folder.give_back_zeros(portion)? {
            next = portion;
        } else {
            return Err(failed);
        }
    }
}

/// Generation upon generation, until there is nothing more to be folded.
pub(super) fn compacted(folder: &Folder<'_>, portion: Portion) -> Result<Compacted, Error> {
    let mut compacted = Compacted { folded: 0, generation: 0, skipped: Vec::new() };
    // What wasn't set aside is met again by each generation.
    let mut told = HashSet::new();
    loop {
        let done = one_that_fits(folder, portion, &mut compacted.skipped)?;
        compacted.folded = compacted.folded.saturating_add(done.folded);
        compacted.generation = done.number;
        if !done.has_more {
            break;
        }
    }
    compacted.skipped.retain(|e| told.insert(e.path().map(Path::to_owned)));
    Ok(compacted)
}
