//! The collector, as users have it.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::directory::Directory;
use crate::error::Error;
use crate::model::{Family, Snapshot};
use crate::{sampler, store};

use super::about::about;
use super::archive::{Folder, Portion};
use super::custom::{self, Custom};
use super::kept::{Keeper, Kept};
use super::limit::{Limit, shorten};
use super::merge::{Merged, merge};
use super::scan::Scan;

/// So many dead segments are worth folding, for a collection that comes by.
const ENOUGH: usize = 64;

/// Reads what all processes of a directory counted, and merges it.
///
/// Where many processes have died, a collection also folds their segments into the directory's archive, if it may write there: 256 of them, or for 50
/// ms, at a time. See [`folding`](Self::folding) and [`compact`](Self::compact).
///
/// Keep a collector, and clone it: from one collection to the next it remembers what doesn't change, up to 64 MiB, and then has only the numbers
/// to read, which takes a fraction of the time. All collectors made by [`new`](Self::new) share that memory; each process that collects has its own. What they
/// yield is the same either way, but that a log which is damaged after it was read is not noticed.
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
    limit: Limit,
    custom: Vec<Custom>,
    keeper: Keeper,
    #[cfg(feature = "process")]
    processes: Option<crate::Processes>,
}

// What a panic interrupts leaves a collector as it was: what is kept between collections is replaced
// as a whole, and a function that panicked is called anew by the next collection.
impl UnwindSafe for Collector {}
impl RefUnwindSafe for Collector {}

/// As [`Collector::new`].
impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

impl Collector {
    /// Collects from the directory in which this process counts; where it counts in private memory, from itself.
    pub fn new() -> Self {
        Self::of(None, Keeper::OfProcess)
    }

    /// Collects from a directory, whether or not this process counts there or anywhere.
    pub fn open(path: impl AsRef<Path>) -> Self {
        Self::of(Some(path.as_ref().to_owned()), Keeper::own())
    }

    fn of(directory: Option<PathBuf>, keeper: Keeper) -> Self {
        Self {
            directory,
            folding: true,
            limit: Limit::default(),
            custom: Vec::new(),
            keeper,
            #[cfg(feature = "process")]
            processes: None,
        }
    }

    /// Whether a collection that finds 64 dead segments or more folds some of them, where this user owns the directory, or is root, and may
    /// write there. It does so unless told otherwise. What it yields is the same either way.
    #[must_use]
    pub fn folding(mut self, folds: bool) -> Self {
        self.folding = folds;
        self
    }

    /// What a collection may take: 256 MiB unless told otherwise, for the page, and for what is
    /// read of all
    /// files together.
    ///
    /// Whoever may write to the directory can plant a file of some megabytes that stands for a page
    /// of
    /// gigabytes. A family whose lines would make the page longer than this is left out, the
    /// longest
    /// first; so is a file that would take more memory than what is left. Both are told in
    /// [`Snapshot::skipped`].
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// Shows what the kernel says of the processes, in the words of other Prometheus clients. No code runs in them: whatever process
    /// collects, asks. Needs the feature `process`.
    ///
    /// | family | of one process | together |
    /// |---|---|---|
    /// | `process_cpu_seconds_total` | time on all processors, in user and system mode | of the living and the dead; never falls |
    /// | `process_resident_memory_bytes` | memory in use | the sum over the living; pages that they share count for each |
    /// | `process_virtual_memory_bytes` | addresses in use | the sum over the living; 4 GiB of each are a segment's, which cost nothing |
    /// | `process_open_fds` | open descriptors | the sum over the living |
    /// | `process_max_fds` | how many it may open | the least, which is reached first |
    /// | `process_start_time_seconds` | when it was started, since 1970 | the earliest of the living |
    ///
    /// Asked for are the processes whose segments are in the directory, of the collector's own pid namespace. What another user's
    /// process doesn't tell is left out.
    ///
    /// **The time of the dead** stays in the total by the file `processes.hcl` in the directory, in which every collection writes down what it
    /// saw. What a process used between the last collection and its death can't be known. The total is what was written down, in every process
    /// alike, so it never falls. A collector that may not write there, or can't for want of room, shows what was written last; where nothing ever
    /// was, the time of the living, which falls when they die. Nobody waits: one that comes while another writes shows what was
    /// written before, and no total if that was nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Processes};
    ///
    /// let text = Collector::new().processes(Processes::Together).collect()?.to_text();
    /// assert!(text.contains("\nprocess_cpu_seconds_total "));
    ///
    /// let text = Collector::new().processes(Processes::Each).collect()?.to_text();
    /// let me = format!("\nprocess_resident_memory_bytes{{pid=\"{}\"}} ", std::process::id());
    /// assert!(text.contains(&me));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[cfg(feature = "process")]
    #[must_use]
    pub fn processes(mut self, shown: crate::Processes) -> Self {
        self.processes = Some(shown);
        self
    }

    /// Adds families that the program makes each time it collects: what it looks up and doesn't count, such as room on a disk or the length of a
    /// queue that lies elsewhere. They are as they are in the collecting process; nothing is added up.
    ///
    /// A family that is built wrongly, or has the name of one in the directory, is left out and told in [`Snapshot::skipped`]. Families
    /// of the directory have precedence, then those that were added first. A panic of `families` is its caller's.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Family};
    ///
    /// let collector = Collector::new()
    ///     .with(|| vec![Family::gauge("queue_length", "Jobs that wait.").series(&[("queue", "mail")], 3.0)])
    ///     .with(|| vec![Family::gauge("queue length", "Not a name.")]);
    /// let snapshot = collector.collect()?;
    /// assert!(snapshot.to_text().contains("queue_length{queue=\"mail\"} 3\n"));
    /// assert!(snapshot.skipped()[0].to_string().starts_with("`queue length` is left out"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[must_use]
    pub fn with(mut self, families: impl Fn() -> Vec<Family> + Send + Sync + 'static) -> Self {
        self.custom.push(Custom(Arc::new(families)));
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
        let earlier = self.keeper.kept();
        self.start();
        let directory = self.open_directory();
        let mut scan = self.scan_in(directory.as_ref(), &earlier)?;
        let Merged { mut families, skipped, plans } =
            merge(&scan.parts, scan.archive(), earlier.plans());
        scan.skipped.extend(skipped);
        #[cfg(feature = "process")]
        if let Some(shown) = self.processes {
            let alive = scan.parts.iter().filter(|part| part.is_alive());
            let alive = alive.map(|part| &part.segment.header);
            let directory = directory.as_ref().ok().and_then(Option::as_ref);
            let more = crate::processes::families(shown, alive, directory, &mut scan.skipped);
            custom::add(&mut families, more, &mut scan.skipped);
        }
        for Custom(make) in &self.custom {
            custom::add(&mut families, make(), &mut scan.skipped);
        }
        shorten(&mut families, self.limit, &mut scan.skipped);
        let is_shared = self.directory.is_some() || !store::tell_if_alone();
        for family in about(&scan, is_shared, began) {
            // A program's own family of such a name keeps it.
            if let Err(at) = families.binary_search_by(|f| f.name.cmp(&family.name)) {
                families.insert(at, family);
            }
        }
        if self.folding && scan.dead() >= ENOUGH {
            if let Ok(Some(directory)) = &directory {
                Self::fold_in_passing(directory);
            }
        }
        let skipped = core::mem::take(&mut scan.skipped);
        self.keeper.keep(scan.into_kept(plans));
        Ok(Snapshot { families, skipped })
    }

    pub(super) fn scan(&self) -> Result<Scan, Error> {
        self.start();
        self.scan_in(self.open_directory().as_ref(), &self.keeper.kept())
    }

    /// What this process declares is there, before it is used.
    fn start(&self) {
        if self.directory.is_none() {
            store::start();
            sampler::sample();
            store::remove_idle();
        }
    }

    fn scan_in(
        &self,
        directory: Result<&Option<Directory>, &Error>,
        earlier: &Arc<Kept>,
    ) -> Result<Scan, Error> {
        match directory {
            Ok(Some(directory)) => {
                Scan::of(directory, self.directory.is_none(), earlier, self.limit)
            }
            Ok(None) => Ok(Scan::of_own(earlier)),
            Err(e) if self.directory.is_none() => Scan::of_own_instead(e.clone(), earlier),
            Err(e) => Err(e.clone()),
        }
    }

    /// The directory that this collector reads, if there is one. That of its own process is the
    /// one that was opened first, whatever its path means now.
    pub(super) fn open_directory(&self) -> Result<Option<Directory>, Error> {
        match &self.directory {
            Some(path) => Directory::open(path).map(Some),
            None => store::open_directory(),
        }
    }

    /// One generation. What was collected is right without it, so whatever keeps it from being written is for [`compact`](Self::compact) to
    /// tell.
    fn fold_in_passing(directory: &Directory) {
        if !directory.is_writable() {
            return;
        }
        if let Ok(Some(folder)) = Folder::new(directory) {
            let _ = folder.generation(Portion::IN_PASSING, &mut Vec::new());
        }
    }
}
