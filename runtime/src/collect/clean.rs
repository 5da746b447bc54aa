//! Deletes counts on request: `Collector::clean`.

use std::time::Duration;

use crate::archive::{Compactor, Limits, forget_all, forget_untouched, series_of_archive};
use crate::directory::SET_ASIDE;
use crate::error::Error;
use crate::process::now_ns;

use super::compact::compacted;
use super::{Collector, SegmentState};

/// What [`Collector::clean`] deletes: nothing by default.
///
/// ```
/// use std::time::Duration;
/// use headcount::Clean;
///
/// let what = Clean::new().older_than(Duration::from_secs(30 * 86_400)).unreadable(true);
/// # let directory = std::env::temp_dir().join(format!("headcount-clean-{}", std::process::id()));
/// # std::fs::create_dir(&directory)?;
/// let cleaned = headcount::Collector::from_directory(&directory).clean(&what)?;
/// assert_eq!((cleaned.series().len(), cleaned.files().len()), (0, 0));
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it forgets nothing until it is given to `Collector::clean`"]
pub struct Clean {
    older_than: Option<Duration>,
    unreadable: bool,
    dead: bool,
    dry_run: bool,
}

impl Clean {
    /// Selects nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects series of dead processes to which nothing was added for that time, and that no
    /// segment has any more: series of a tenant, a queue, a metric that no longer exists. The time
    /// counts from the compaction of the last process that had the series, since nothing says when
    /// a process died. What this call compacts is never old enough.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Selects files that cannot be read: damaged segments of dead processes, also those that an
    /// earlier compaction renamed to end in `.bad`, and files that end in `.hc` and are no
    /// segments. Files of newer versions stay, and so does a file whose lock a process holds.
    pub fn unreadable(mut self, forget: bool) -> Self {
        self.unreadable = forget;
        self
    }

    /// Selects all numbers of dead processes. If living processes have a counter too, Prometheus
    /// sees it restart.
    pub fn dead(mut self, forget: bool) -> Self {
        self.dead = forget;
        self
    }

    /// Sets whether nothing is deleted: [`Cleaned`] then lists what would be.
    pub fn dry_run(mut self, is_dry: bool) -> Self {
        self.dry_run = is_dry;
        self
    }
}

/// The result of [`Collector::clean`].
///
/// ```
/// use headcount::{Clean, Collector, testing::TestDirectory};
///
/// let directory = TestDirectory::new()?;
/// std::fs::write(directory.path().join("17-a.hc"), "something else")?;
/// let collector = Collector::from_directory(directory.path());
/// let unreadable = Clean::new().unreadable(true);
///
/// let would_be = collector.clean(&unreadable.clone().dry_run(true))?;
/// assert_eq!(would_be.files(), ["17-a.hc"]);
/// let cleaned = collector.clean(&unreadable)?;
/// assert_eq!((cleaned.files(), cleaned.series().len()), (would_be.files(), 0));
/// assert!(!directory.path().join("17-a.hc").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Cleaned {
    series: Vec<String>,
    files: Vec<String>,
    skipped: Vec<Error>,
}

impl Cleaned {
    /// Returns the series that were deleted, sorted, as `name{label="value"}`. In a dry run of
    /// [`Clean::dead`] those of dead processes that are not compacted yet are among the
    /// [`files`](Self::files) only.
    pub fn series(&self) -> &[String] {
        &self.series
    }

    /// Returns the names of the files that were deleted because they cannot be read: a damaged
    /// segment's ends in `.bad` then, unless it was a dry run. In a dry run of [`Clean::dead`] the
    /// segments of dead processes are among them.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Returns the segments that could not be read, and are still there.
    pub fn skipped(&self) -> &[Error] {
        &self.skipped
    }
}

impl Collector {
    /// Deletes what `what` selects. Numbers of living processes are never touched. If the process
    /// is killed in the middle, the archive has lost everything that was selected, or nothing.
    ///
    /// Segments of dead processes are [compacted](Self::compact) first, unless it is a dry run or
    /// nothing is selected.
    ///
    /// Never delete files by hand in a directory that is in use: a segment may belong to a living
    /// process, and the archive is the only copy of the numbers in it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`compact`](Self::compact). A damaged archive is not deleted either:
    /// if it cannot be repaired, delete it by hand.
    pub fn clean(&self, what: &Clean) -> Result<Cleaned, Error> {
        if !(what.dead || what.unreadable || what.older_than.is_some()) {
            return Ok(Cleaned::default());
        }
        let cleaned = self.holding_the_lock(|compactor| self.clean_by(compactor, what))?;
        Ok(cleaned.unwrap_or_default())
    }

    fn clean_by(&self, compactor: &Compactor<'_>, what: &Clean) -> Result<Cleaned, Error> {
        let mut cleaned = Cleaned::default();
        let writes = !what.dry_run;
        // Taken before the compaction, which touches each series that it adds to. So none of these
        // is old enough, however short the age is, and a dry run predicts the same.
        let now = now_ns();
        // Compaction comes first: each segment needs a tombstone before its file is removed, it
        // finds the damage in a log, and the age of a series counts from it.
        let damaged = if writes {
            cleaned.skipped = compacted(compactor, Limits::WIDEST)?.skipped;
            Vec::new()
        } else {
            compactor.would_set_aside(&mut cleaned.skipped)?
        };
        if what.dead {
            let forget = |archive: &mut _, _: &[_]| {
                let series = series_of_archive(archive);
                forget_all(archive);
                series
            };
            cleaned.series = compactor.forget(forget, writes)?;
            if what.dry_run {
                cleaned.files = self.files_of_the_dead()?;
                // Set aside, these stay.
                cleaned.files.retain(|file| !damaged.contains(file));
            }
        } else if let Some(age) = what.older_than {
            let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
            let before = now.saturating_sub(age);
            let forget = |archive: &mut _, others: &[_]| forget_untouched(archive, before, others);
            cleaned.series = compactor.forget(forget, writes)?;
        }
        if what.unreadable {
            let removed = compactor.remove_unreadable(damaged, writes)?;
            cleaned.skipped.retain(|error| {
                let name = error.path().and_then(|path| path.file_name()?.to_str());
                let is_name =
                    |gone: &str| Some(gone.strip_suffix(SET_ASIDE).unwrap_or(gone)) == name;
                !removed.iter().any(|gone| is_name(gone))
            });
            cleaned.files.extend(removed);
        }
        cleaned.series.sort_unstable();
        Ok(cleaned)
    }

    fn files_of_the_dead(&self) -> Result<Vec<String>, Error> {
        let segments = self.segments()?;
        let dead = segments.iter().filter(|segment| {
            matches!(segment.state(), SegmentState::Dead | SegmentState::Archived)
        });
        Ok(dead.map(|segment| segment.file_name().to_owned()).collect())
    }
}
