//! Deletes counts on request: `Collector::clean`.

use std::time::Duration;

use crate::archive::{Batch, forget_all, forget_untouched};
use crate::error::Error;
use crate::process::now_ns;

use super::Collector;
use super::compact::compacted;

/// What [`Collector::clean`] deletes: nothing by default.
///
/// ```
/// use std::time::Duration;
/// use headcount::Clean;
///
/// let what = Clean::new().older_than(Duration::from_secs(30 * 86_400)).set_aside(true);
/// # let directory = std::env::temp_dir().join(format!("headcount-clean-{}", std::process::id()));
/// # std::fs::create_dir(&directory)?;
/// let cleaned = headcount::Collector::from_directory(&directory).clean(&what)?;
/// assert_eq!((cleaned.series(), cleaned.set_aside()), (0, 0));
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it forgets nothing until it is given to `Collector::clean`"]
pub struct Clean {
    older_than: Option<Duration>,
    set_aside: bool,
    dead: bool,
}

impl Clean {
    /// Selects nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects series of dead processes to which nothing was added for that time, and that no
    /// segment has any more: series of a tenant, a queue, a metric that no longer exists. The time
    /// counts from the compaction of the last process that had the series.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Selects damaged segments that were renamed to end in `.bad`.
    pub fn set_aside(mut self, forget: bool) -> Self {
        self.set_aside = forget;
        self
    }

    /// Selects all numbers of dead processes. If living processes have a counter too, Prometheus
    /// sees it restart.
    pub fn dead(mut self, forget: bool) -> Self {
        self.dead = forget;
        self
    }
}

/// The result of [`Collector::clean`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cleaned {
    series: usize,
    set_aside: usize,
    skipped: Vec<Error>,
}

impl Cleaned {
    /// Returns the number of series that were deleted from the archive.
    pub fn series(&self) -> usize {
        self.series
    }

    /// Returns the number of damaged files that were deleted.
    pub fn set_aside(&self) -> usize {
        self.set_aside
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
    /// Never delete files by hand in a directory that is in use: a segment may belong to a living
    /// process, and the archive is the only copy of the numbers in it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`compact`](Self::compact). A damaged archive is not deleted either:
    /// if it cannot be repaired, delete it by hand.
    pub fn clean(&self, what: &Clean) -> Result<Cleaned, Error> {
        let cleaned = self.holding_the_lock(|compactor| {
            let mut cleaned = Cleaned { series: 0, set_aside: 0, skipped: Vec::new() };
            if what.dead {
                // Compacted first, so that each segment has a tombstone before its file is removed.
                cleaned.skipped = compacted(compactor, Batch::ALL)?.skipped;
                cleaned.series =
                    compactor.forget(|archive, _| forget_all(archive), &mut Vec::new())?;
            } else if let Some(age) = what.older_than {
                let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                let before = now_ns().saturating_sub(age);
                let forget =
                    |archive: &mut _, others: &[_]| forget_untouched(archive, before, others);
                cleaned.series = compactor.forget(forget, &mut cleaned.skipped)?;
            }
            if what.set_aside {
                cleaned.set_aside = compactor.remove_set_aside()?;
            }
            Ok(cleaned)
        })?;
        Ok(cleaned.unwrap_or(Cleaned { series: 0, set_aside: 0, skipped: Vec::new() }))
    }
}
