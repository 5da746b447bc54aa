//! Forgetting on purpose.

use std::time::Duration;

use crate::error::Error;
use crate::process::now_ns;

use super::Collector;
use super::archive::{Portion, forget_all, forget_untouched};
use super::compact::compacted;

/// What [`Collector::clean`] is to forget: nothing, unless it is said.
///
/// ```
/// use std::time::Duration;
/// use headcount::Clean;
///
/// let what = Clean::new().older_than(Duration::from_secs(30 * 86_400)).set_aside();
/// # let directory = std::env::temp_dir().join(format!("headcount-clean-{}", std::process::id()));
/// # std::fs::create_dir(&directory)?;
/// let cleaned = headcount::Collector::open(&directory).clean(&what)?;
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
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Series of the dead to which nobody has added for so long, and that no segment has any more: those of a tenant, a queue, a
    /// metric that no longer exists. The time counts from when the last process that had the series was folded.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Damaged segments that were renamed to end in `.bad`.
    pub fn set_aside(mut self) -> Self {
        self.set_aside = true;
        self
    }

    /// Everything that the dead have counted. To Prometheus, a counter that living processes have too looks as if it had been restarted.
    pub fn dead(mut self) -> Self {
        self.dead = true;
        self
    }
}

/// What [`Collector::clean`] has forgotten.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cleaned {
    series: usize,
    set_aside: usize,
    skipped: Vec<Error>,
}

impl Cleaned {
    /// Series that are no longer in the archive.
    pub fn series(&self) -> usize {
        self.series
    }

    /// Damaged files that are gone.
    pub fn set_aside(&self) -> usize {
        self.set_aside
    }

    /// Segments that could not be read, and are still there.
    pub fn skipped(&self) -> &[Error] {
        &self.skipped
    }
}

impl Collector {
    /// Forgets what is no longer wanted. Nothing that a living process has counted is touched; and whoever is killed in the middle has
    /// forgotten all or nothing of the archive.
    ///
    /// Never remove files from a directory in use by hand: a segment may be a living process's, and what the archive has was counted
    /// once and for all.
    ///
    /// # Errors
    ///
    /// As [`compact`](Self::compact). An archive that is damaged isn't forgotten either: where it can't be mended, it has to be removed by
    /// hand.
    pub fn clean(&self, what: &Clean) -> Result<Cleaned, Error> {
        let cleaned = self.holding_the_lock(|folder| {
            let mut cleaned = Cleaned { series: 0, set_aside: 0, skipped: Vec::new() };
            if what.dead {
                // By way of the archive, so that each segment has a tombstone before its file goes.
                cleaned.skipped = compacted(folder, Portion::ALL)?.skipped;
                cleaned.series =
                    folder.forget(|archive, _| forget_all(archive), &mut Vec::new())?;
            } else if let Some(age) = what.older_than {
                let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                let before = now_ns().saturating_sub(age);
                let forget =
                    |archive: &mut _, others: &[_]| forget_untouched(archive, before, others);
                cleaned.series = folder.forget(forget, &mut cleaned.skipped)?;
            }
            if what.set_aside {
                cleaned.set_aside = folder.remove_set_aside()?;
            }
            Ok(cleaned)
        })?;
        Ok(cleaned.unwrap_or(Cleaned { series: 0, set_aside: 0, skipped: Vec::new() }))
    }
}
