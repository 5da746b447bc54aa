//! Compacts on request: all dead processes, or one.

use std::collections::HashSet;
use std::path::Path;

use crate::archive::{Compactor, Limits, holding_the_lock, one_that_fits};
use crate::directory::Directory;
use crate::error::Error;
use crate::store;

use super::{Collector, SegmentInfo};

/// The result of [`Collector::compact`].
///
/// ```
/// use headcount::{Collector, testing::TestDirectory};
///
/// let directory = TestDirectory::new()?;
/// let compacted = Collector::from_directory(directory.path()).compact()?;
/// assert_eq!((compacted.segments(), compacted.generation()), (0, 0)); // nobody has ended here
/// assert!(compacted.skipped().is_empty());
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Compacted {
    pub(super) segments: usize,
    pub(super) generation: u64,
    pub(super) skipped: Vec<Error>,
}

impl Compacted {
    /// Returns the number of dead segments that were compacted into the archive.
    pub fn segments(&self) -> usize {
        self.segments
    }

    /// Returns the archive's generation: how often it was written. 0 if there is no archive.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the segments that could not be read. Damaged segments of dead processes were renamed
    /// to end in `.bad`.
    pub fn skipped(&self) -> &[Error] {
        &self.skipped
    }
}

/// The result of [`Collector::mark_process_dead`].
///
/// ```
/// use headcount::{Collector, Config, Counter, MarkedDead, metric, testing::TestDirectory};
///
/// /// Letters sent.
/// #[metric(name = "marked_letters_total")]
/// static LETTERS: Counter;
///
/// let directory = TestDirectory::new()?;
/// headcount::init(Config::new().directory(directory.path()))?;
/// LETTERS.inc();
///
/// let collector = Collector::from_directory(directory.path());
/// assert_eq!(collector.mark_process_dead(std::process::id())?, MarkedDead::Alive);
/// assert_eq!(collector.mark_process_dead(u32::MAX)?, MarkedDead::Unknown);
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MarkedDead {
    /// So many segments of dead processes were compacted into the archive.
    Compacted(usize),
    /// There was no segment to compact, and so many files of live gauges that Python's
    /// `prometheus_client` wrote in this process were removed.
    Removed(usize),
    /// Nothing was done: a process with this pid is alive.
    Alive,
    /// Nothing was done: no segment of this pid is there, perhaps because it is compacted already,
    /// or it cannot be known from here whether its process has ended.
    Unknown,
}

impl Collector {
    /// Compacts the segments of all dead processes into one file, the archive. No number changes.
    ///
    /// Afterwards a collection costs what the living processes and one archive cost, however many
    /// processes have ended. Several processes may compact at once, and may be killed at any
    /// moment: one of them does the work, and the next compaction repeats or completes what was
    /// interrupted.
    ///
    /// A collection does a part of this by itself; this method does all of it, for a timer or an
    /// operator.
    ///
    /// # Errors
    ///
    /// Returns an error
    ///
    /// * if the directory cannot be written, has no space, or belongs to another user;
    /// * if its archive is damaged, or was written by a newer version: it is left as it is;
    /// * if another process is compacting ([`Error::is_busy`]).
    ///
    /// # Examples
    ///
    /// ```
    /// # let name = format!("headcount-compact-{}", std::process::id());
    /// # let directory = std::env::temp_dir().join(name);
    /// # std::fs::create_dir(&directory)?;
    /// let compacted = headcount::Collector::from_directory(&directory).compact()?;
    /// assert_eq!(compacted.segments(), 0);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact(&self) -> Result<Compacted, Error> {
        let done = self.holding_the_lock(|compactor| compacted(compactor, Limits::WIDEST))?;
        Ok(done.unwrap_or(Compacted { segments: 0, generation: 0, skipped: Vec::new() }))
    }

    /// Compacts the segments of this pid if their processes have ended, and returns how many there
    /// were, or why nothing was done.
    ///
    /// This eases the migration from Prometheus' Python client: call it where that client requires
    /// it, in gunicorn's `child_exit`. Nothing in headcount depends on it. A dead process's live
    /// gauges are gone at the next collection, because its lock is, and its segment is compacted
    /// when there are enough dead segments.
    ///
    /// In a directory of Python's `prometheus_client` it removes the live gauges of this process,
    /// as `mark_process_dead` there does.
    ///
    /// The kernel decides, not the caller: a process that holds its lock is alive, and so is one
    /// that has its files open.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`compact`](Self::compact). If another process is compacting
    /// ([`Error::is_busy`]), nothing is wrong: the segments are compacted by that process, or
    /// later.
    ///
    /// # Examples
    ///
    /// ```
    /// # let name = format!("headcount-mark-{}", std::process::id());
    /// # let directory = std::env::temp_dir().join(name);
    /// # std::fs::create_dir(&directory)?;
    /// use headcount::{Collector, MarkedDead};
    ///
    /// let collector = Collector::from_directory(&directory);
    /// assert_eq!(collector.mark_process_dead(std::process::id())?, MarkedDead::Unknown);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mark_process_dead(&self, pid: u32) -> Result<MarkedDead, Error> {
        let done = self.holding_the_lock(|compactor| compacted(compactor, Limits::of(pid)))?;
        let removed = self.remove_live_gauges(pid)?;
        match done.map_or(0, |done| done.segments) {
            0 if removed > 0 => Ok(MarkedDead::Removed(removed)),
            0 => {
                let segments = self.segments()?;
                let mut of_pid = segments.iter().filter(|segment| segment.pid() == Some(pid));
                let is_alive = of_pid.any(SegmentInfo::is_live);
                Ok(if is_alive { MarkedDead::Alive } else { MarkedDead::Unknown })
            }
            segments => Ok(MarkedDead::Compacted(segments)),
        }
    }

    /// Returns whether the directory contains a file of headcount's, or one of Python's
    /// `prometheus_client`: for programs to which a person
    /// gives the directory. Opening another directory creates nothing there.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory cannot be opened.
    ///
    /// # Examples
    ///
    /// ```
    /// # let name = format!("headcount-used-{}", std::process::id());
    /// # let directory = std::env::temp_dir().join(name);
    /// # std::fs::create_dir(&directory)?;
    /// assert!(!headcount::Collector::from_directory(&directory).is_used()?);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_used(&self) -> Result<bool, Error> {
        let is_used = |directory: Directory| directory.has_ours() || directory.has_python();
        Ok(self.open_directory()?.is_none_or(is_used))
    }

    /// Runs something that one process at a time may do in a directory; `None` if there is no
    /// directory.
    pub(super) fn holding_the_lock<T>(
        &self,
        what: impl FnOnce(&Compactor<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let Some(directory) = self.open_directory()? else { return Ok(None) };
        holding_the_lock(&directory, store::FORKS, what)
    }
}

/// Compacts the segments of this pid in this process's directory if their processes have ended: see
/// [`Collector::mark_process_dead`].
///
/// # Errors
///
/// Returns the errors of [`Collector::mark_process_dead`].
///
/// # Examples
///
/// ```
/// // This process is alive, so nothing is compacted.
/// let marked = headcount::mark_process_dead(std::process::id())?;
/// assert!(!matches!(marked, headcount::MarkedDead::Compacted(_)));
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn mark_process_dead(pid: u32) -> Result<MarkedDead, Error> {
    Collector::new().mark_process_dead(pid)
}

/// Writes generations until nothing is left to compact.
pub(super) fn compacted(compactor: &Compactor<'_>, limits: Limits) -> Result<Compacted, Error> {
    let mut compacted = Compacted { segments: 0, generation: 0, skipped: Vec::new() };
    // A file that was not set aside is skipped by each generation, and reported once.
    let mut told = HashSet::new();
    loop {
        let done = one_that_fits(compactor, limits, &mut compacted.skipped)?;
        compacted.segments = compacted.segments.saturating_add(done.compacted);
        compacted.generation = done.number;
        if !done.has_more {
            break;
        }
    }
    compacted.skipped.retain(|e| told.insert(e.path().map(Path::to_owned)));
    Ok(compacted)
}
