//! The collector, as users have it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::directory::Directory;
use crate::error::Error;
use crate::sampler;
use crate::store;

use super::about::about;
use super::archive::{Folder, Portion};
use super::merge::merge;
use super::scan::Scan;
use super::snapshot::Snapshot;

/// So many dead segments are worth folding, for a collection that comes by.
const ENOUGH: usize = 64;

/// Reads what all processes of a directory counted, and merges it.
///
/// Where many processes have died, a collection also folds their segments into the directory's archive, if it may write there: 256 of them, or for 50
/// ms, at a time. See [`folding`](Self::folding) and [`compact`](Self::compact).
///
/// # Examples
///
/// ```
/// use headcount::{Collector, counted};
///
/// #[counted]
/// fn work() {}
///
/// work();
/// work();
/// let snapshot = Collector::new().collect()?;
/// # let module = module_path!();
/// # let line = format!("function_calls_total{{function=\"main::work\",module=\"{module}\"}} 2\n");
/// # assert!(snapshot.to_text().contains(&line), "{}", snapshot.to_text());
/// assert!(snapshot.skipped().is_empty());
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Collector {
    /// `None`: wherever this process counts.
    directory: Option<PathBuf>,
    folding: bool,
}

impl Collector {
    /// Collects from the directory in which this process counts; where it counts in private memory, from itself.
    #[expect(
        clippy::new_without_default,
        reason = "it looks at the process, which a default should not"
    )]
    pub fn new() -> Self {
        Self { directory: None, folding: true }
    }

    /// Collects from a directory, whether or not this process counts there or anywhere.
    pub fn open(path: impl AsRef<Path>) -> Self {
        Self { directory: Some(path.as_ref().to_owned()), folding: true }
    }

    /// Whether a collection that finds 64 dead segments or more folds some of them, where this user owns the directory, or is root, and may
    /// write there. It does so unless told otherwise. What it yields is the same either way.
    #[must_use]
    pub fn folding(mut self, folds: bool) -> Self {
        self.folding = folds;
        self
    }

    /// Reads everything once.
    ///
    /// Counters and histograms are those of all processes, living and dead; a gauge is what its mode says. What can't be read
    /// is left out and told in [`Snapshot::skipped`].
    ///
    /// # Errors
    ///
    /// Where the directory itself can't be read, or its archive is replaced again and again while it is read.
    pub fn collect(&self) -> Result<Snapshot, Error> {
        let began = Instant::now();
        let mut scan = self.scan()?;
        let (mut families, conflicts) = merge(&scan.parts, &scan.archive);
        scan.skipped.extend(conflicts);
        for family in about(&scan, began) {
            // A program's own family of such a name keeps it.
            if let Err(at) = families.binary_search_by(|f| f.name.cmp(&family.name)) {
                families.insert(at, family);
            }
        }
        if self.folding && scan.dead() >= ENOUGH {
            if let Some(directory) = self.directory() {
                Self::fold_in_passing(&directory);
            }
        }
        Ok(Snapshot { families, skipped: scan.skipped })
    }

    pub(super) fn scan(&self) -> Result<Scan, Error> {
        if self.directory.is_none() {
            // So that what this process declares is there, before it is used.
            store::start();
            sampler::sample();
        }
        match self.directory() {
            Some(directory) => Scan::of(&directory, self.directory.is_none()),
            None => Ok(Scan::of_own()),
        }
    }

    /// The directory that this collector reads, if there is one.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.directory.clone().or_else(store::directory)
    }

    /// One generation. What was collected is right without it, so whatever keeps it from being written is for [`compact`](Self::compact) to
    /// tell.
    fn fold_in_passing(path: &Path) {
        let Ok(directory) = Directory::open(path) else { return };
        if !directory.is_writable() {
            return;
        }
        if let Ok(Some(folder)) = Folder::new(&directory) {
            let _ = folder.generation(Portion::IN_PASSING, &mut Vec::new());
        }
    }
}
