//! The public [`Collector`]: scans a directory, merges what it finds, and adds the families that
//! come from elsewhere.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::archive::{Compactor, Limits};
use crate::directory::Directory;
use crate::error::Error;
use crate::kernel::errno;
#[cfg(feature = "serve")]
use crate::merge::archived::Archive;
#[cfg(feature = "serve")]
use crate::merge::families::merge;
use crate::merge::families::{Merged, merge_with};
#[cfg(feature = "serve")]
use crate::merge::plan::Plans;
#[cfg(feature = "serve")]
use crate::model::instance::InstanceId;
use crate::model::{MetricFamily, Snapshot};
use crate::process::now_ns;
use crate::python;
use crate::scan::{CollectionCache, Keeper, Limit, Scan, Wanted};
use crate::store::{self, sampler};

use super::constant::Constant;
use super::program_families::{self, Custom};
use super::self_metrics::about;
use super::shorten::shorten;

/// The number of dead segments from which a collection compacts in passing.
const ENOUGH: usize = 64;

/// Reads the numbers of all processes in a directory, and merges them.
///
/// If many processes have died, a collection also compacts their segments into the directory's
/// archive, if it may write there: 256 segments, or for 50 ms, at a time. See
/// [`auto_compact`](Self::auto_compact) and [`compact`](Self::compact).
///
/// Keep a collector, and clone it: it caches between collections what does not change, up to a
/// fourth of [`limit`](Self::limit), 64 MiB. It then reads only the numbers of the living, which
/// takes a fraction of the time. All collectors made by [`new`](Self::new) share one cache; each
/// process that collects has its own. The cache makes no difference to the result, except that it
/// does not notice damage to what was read before: to a log, or to a dead process's file whose
/// length and times stay as they were.
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
    /// `None`: the directory in which this process counts.
    directory: Option<PathBuf>,
    auto_compact: bool,
    limit: Limit,
    names: Vec<String>,
    custom: Vec<Custom>,
    constant: Constant,
    self_metrics: bool,
    python_files: bool,
    keeper: Keeper,
    #[cfg(feature = "process")]
    processes: Option<crate::ProcessMetrics>,
}

// A panic leaves a collector as it was: the cache is replaced as a whole, and the next collection
// calls a function that panicked again.
impl UnwindSafe for Collector {}
impl RefUnwindSafe for Collector {}

/// As [`Collector::new`].
impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

impl Collector {
    /// Creates a collector of the directory in which this process counts. If the process counts in
    /// private memory, the collector reads only this process.
    pub fn new() -> Self {
        Self::of(None, Keeper::OfProcess)
    }

    /// Creates a collector of a directory, whether or not this process counts there or anywhere.
    pub fn from_directory(path: impl AsRef<Path>) -> Self {
        Self::of(Some(path.as_ref().to_owned()), Keeper::own())
    }

    fn of(directory: Option<PathBuf>, keeper: Keeper) -> Self {
        Self {
            directory,
            auto_compact: true,
            limit: Limit::default(),
            names: Vec::new(),
            custom: Vec::new(),
            constant: Constant::default(),
            self_metrics: true,
            python_files: true,
            keeper,
            #[cfg(feature = "process")]
            processes: None,
        }
    }

    /// Sets whether a collection that finds 64 dead segments or more compacts some of them. It does
    /// so only if this user is root, owns the directory or is in its group, and may write there.
    /// The default is `true`. The setting makes no difference to the result.
    #[must_use]
    pub fn auto_compact(mut self, compacts: bool) -> Self {
        self.auto_compact = compacts;
        self
    }

    /// Collects only families with these names. A name may also be that of a sample
    /// (`job_seconds_count`), or that of the family in `OpenMetrics` (`jobs` for `jobs_total`). All
    /// other families are neither merged nor shown. Without a name, all families are.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::Collector;
    ///
    /// let snapshot = Collector::new().names(["headcount_build_info", "missing"]).collect()?;
    /// assert_eq!(snapshot.families().len(), 1);
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[must_use]
    pub fn names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// Sets how much memory a collection may take. The default is 256 MiB for the page, and another
    /// 256 MiB for what is read of all files together.
    ///
    /// A user who may write to the directory can plant a file of some megabytes that describes a
    /// page of gigabytes. If the page would be longer than the limit, families are left out, the
    /// longest first. A file that would take more memory than is left is left out too.
    /// [`Snapshot::skipped`] reports both. What the collector keeps for the next collection is at
    /// most a fourth of the limit.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// Adds process metrics from the kernel, under the names that other Prometheus clients use. No
    /// code runs in the processes: the collecting process asks the kernel. Needs the feature
    /// `process`.
    ///
    /// | family | one process | several processes |
    /// |---|---|---|
    /// | `process_cpu_seconds_total` | user and system time | of living and dead; never falls |
    /// | `process_resident_memory_bytes` | memory in use | the sum over the living |
    /// | `process_virtual_memory_bytes` | addresses in use | the sum over the living |
    /// | `process_open_fds` | open descriptors | the sum over the living |
    /// | `process_max_fds` | how many it may open | the least, which is reached first |
    /// | `process_start_time_seconds` | start time, since 1970 | the earliest of the living |
    /// | `process_threads` | threads | the sum over the living |
    /// | `process_virtual_memory_max_bytes` | the most addresses, if that is limited | the least |
    /// | `process_network_receive_bytes_total` | bytes its network namespace got | the same |
    /// | `process_network_transmit_bytes_total` | bytes it sent | the same |
    ///
    /// If the living processes are in several network namespaces, the last two are absent: a sum
    /// would fall with the last process of a namespace.
    ///
    /// Time is the time on all processors. Pages that processes share count for each of them. 4 GiB
    /// of each process's addresses belong to its segment, and cost nothing.
    ///
    /// The collector asks for the processes whose segments are in the directory and which are in
    /// its own pid namespace. Values that the kernel does not show for another user's process are
    /// left out.
    ///
    /// **The CPU time of dead processes** stays in the total. Every collection writes what it saw
    /// into the file `processes.hcl` in the directory. What a process used between the last
    /// collection and its death cannot be known. The total is what was written, in every process
    /// alike, so it never falls.
    ///
    /// A collector that cannot write there, for lack of permission or space, shows what was written
    /// last; if nothing was ever written, it shows the time of the living processes, which falls
    /// when they die. No collection waits for another: while another one writes, a collection shows
    /// what was written before, and no total if there was nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, ProcessMetrics, counted};
    ///
    /// #[counted]
    /// fn work() {}
    ///
    /// work();
    /// let text = Collector::new().process_metrics(ProcessMetrics::Sum).collect()?.to_text();
    /// assert!(text.contains("\nprocess_cpu_seconds_total "));
    ///
    /// let text = Collector::new().process_metrics(ProcessMetrics::Each).collect()?.to_text();
    /// let me = format!("\nprocess_resident_memory_bytes{{pid=\"{}\"}} ", std::process::id());
    /// assert!(text.contains(&me));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[cfg(feature = "process")]
    #[must_use]
    pub fn process_metrics(mut self, shown: crate::ProcessMetrics) -> Self {
        self.processes = Some(shown);
        self
    }

    /// Adds families that the program supplies at each collection: values that it looks up and does
    /// not count, such as free space on a disk or the length of a queue elsewhere. They are shown
    /// as the collecting process returns them; nothing is added up.
    ///
    /// A name may be any text without control characters, such as `http.requests`; readers that
    /// cannot have it get it escaped. A family that is invalid, or has the name of a family in the
    /// directory, is left out and reported in [`Snapshot::skipped`]. Families of the directory have
    /// precedence, then families that were added first. A panic in `families` propagates to the
    /// caller of [`collect`](Self::collect).
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, MetricFamily};
    ///
    /// let collector = Collector::new()
    ///     .with_families(|| {
    ///         let queues = MetricFamily::gauge("queue_length", "Jobs that wait.");
    ///         vec![queues.with_series(&[("queue", "mail")], 3.0)]
    ///     })
    ///     .with_families(|| vec![MetricFamily::gauge("queue\nlength", "Not a name.")]);
    /// let snapshot = collector.collect()?;
    /// assert!(snapshot.to_text().contains("queue_length{queue=\"mail\"} 3\n"));
    /// assert!(snapshot.skipped()[0].to_string().contains("` is left out"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[must_use]
    pub fn with_families(
        mut self,
        families: impl Fn() -> Vec<MetricFamily> + Send + Sync + 'static,
    ) -> Self {
        self.custom.push(Custom(Arc::new(families)));
        self
    }

    /// Adds a label to all families: a fact of the place, such as the service, host or region. What
    /// differs between processes, such as a version, is an [`Info`](crate::Info) or a label of the
    /// family instead.
    ///
    /// A second value for the same name replaces the first, and an empty one removes the label. If
    /// a family has a label of that name, the family's stays and [`Snapshot::skipped`] reports it,
    /// as it does a name that no label can have.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Counter, metric};
    ///
    /// /// Items sold.
    /// #[metric(name = "sold_total")]
    /// static SOLD: Counter;
    ///
    /// SOLD.inc();
    /// let collector = Collector::new().label("region", "eu").label("service", "shop");
    /// let text = collector.prefix("acme").collect()?.to_text();
    /// assert!(text.contains("\nacme_sold_total{region=\"eu\",service=\"shop\"} 1\n"), "{text}");
    /// assert!(text.contains("\nheadcount_processes{region=\"eu\",service=\"shop\",state="));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.constant.label(name.into(), value.into());
        self
    }

    /// Begins the name of every family with a prefix and an underscore, except that of the
    /// collector's own families, `headcount_*`, which alerts look for. See
    /// [`label`](Self::label) for an example. [`names`](Self::names) accepts names with the prefix
    /// or without it. An empty prefix is none.
    #[must_use]
    pub fn prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.constant.prefix(prefix.as_ref());
        self
    }

    /// Sets whether the collector adds its own families, `headcount_*`. The default is `true`.
    /// `headcount_shared` is always there, since nothing else on a page says that it has the
    /// numbers of one process alone. Without the others, a page does not say what was left out:
    /// [`Snapshot::skipped`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::Collector;
    ///
    /// let snapshot = Collector::new().self_metrics(false).collect()?;
    /// let own = snapshot.families().iter().filter(|family| family.name.starts_with("headcount_"));
    /// assert!(own.map(|family| family.name.as_str()).eq(["headcount_shared"]));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[must_use]
    pub fn self_metrics(mut self, are_shown: bool) -> Self {
        self.self_metrics = are_shown;
        self
    }

    /// Sets whether the collector also reads files that Python's `prometheus_client` writes in
    /// multiprocess mode, `*.db`, if the directory has any. The default is `true`.
    ///
    /// They are merged as `prometheus_client` merges them. A family that Python's processes and
    /// headcount's both have is added up, or combined by its mode. A file that is none of
    /// `prometheus_client`'s is left out, alone, and reported in [`Snapshot::skipped`]. The
    /// [guide](crate::guide::directory) has the rules.
    ///
    /// # Examples
    ///
    /// ```
    /// # let name = format!("headcount-python-{}", std::process::id());
    /// # let directory = std::env::temp_dir().join(name);
    /// # std::fs::create_dir(&directory)?;
    /// use headcount::Collector;
    ///
    /// std::fs::write(directory.join("notes.db"), "a database of something else")?;
    /// let collector = Collector::from_directory(&directory);
    /// assert_eq!(collector.collect()?.skipped()[0].reason(), "not_a_segment");
    /// assert!(collector.python_files(false).collect()?.skipped().is_empty());
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn python_files(mut self, are_read: bool) -> Self {
        self.python_files = are_read;
        self
    }

    /// Reads everything once, and merges it.
    ///
    /// Counters and histograms are sums over all processes, living and dead; a gauge is combined
    /// according to its mode. What cannot be read is left out, and reported in
    /// [`Snapshot::skipped`].
    ///
    /// # Errors
    ///
    /// Returns an error if the directory itself cannot be read, if the process lacks descriptors or
    /// memory for a moment, or if the archive is replaced again and again while it is read.
    pub fn collect(&self) -> Result<Snapshot, Error> {
        let began = Instant::now();
        let earlier = self.keeper.kept();
        self.start();
        let directory = self.open_directory();
        let mut scan = self.scan_in(directory.as_ref(), &earlier, true)?;
        let names = self.constant.known(&self.names);
        let (mut python, kept_python) = core::mem::take(&mut scan.python).finish();
        if !names.is_empty() {
            python.retain(|family| family.is_named(&names));
        }
        let mut told = Vec::new();
        let shared = |is_known: &dyn Fn(&str) -> bool| {
            let (shared, own) = core::mem::take(&mut python)
                .into_iter()
                .partition(|family| is_known(&family.shown_name()));
            python = own;
            let archived = |family| python::archived(family, now_ns(), &mut told).map(Arc::new);
            Vec::into_iter(shared).filter_map(archived).collect()
        };
        let sums = scan.settled.as_ref().map_or(&[][..], |settled| &settled.families);
        let Merged { mut families, skipped, plans } = merge_with(
            &scan.parts,
            scan.archive(),
            sums,
            earlier.plans(),
            &names,
            scan.now,
            shared,
        );
        scan.skipped.extend(skipped);
        let own = python.into_iter().filter_map(|family| python::page_family(family, &mut told));
        let own = own.collect();
        scan.skipped.append(&mut told);
        program_families::insert(&mut families, own, &mut scan.skipped);
        #[cfg(feature = "process")]
        if let Some(shown) = self.processes {
            let alive = scan.parts.iter().filter(|part| part.is_alive());
            let alive = alive.map(|part| &part.segment.header);
            let directory = directory.as_ref().ok().and_then(Option::as_ref);
            // Nothing is written to a directory in which nobody counts.
            let directory = directory.filter(|directory| directory.has_ours());
            let more = crate::processes::families(
                shown,
                alive,
                directory.map(|directory| (directory, store::FORKS)),
                &mut scan.skipped,
            );
            program_families::add(&mut families, more, &mut scan.skipped);
        }
        for Custom(make) in &self.custom {
            program_families::add(&mut families, make(), &mut scan.skipped);
        }
        if !names.is_empty() {
            families.retain(|family| family.is_named(&names));
        }
        self.constant.add(&mut families, &mut scan.skipped);
        shorten(&mut families, self.limit, &mut scan.skipped);
        let is_shared = self.directory.is_some() || !store::tell_if_alone();
        let took = began.elapsed();
        if self.auto_compact && scan.dead() >= ENOUGH {
            if let Ok(Some(directory)) = &directory {
                scan.skipped.extend(Self::compact_in_passing(directory).err());
            }
        }
        for mut family in about(&scan, is_shared, took) {
            let is_hidden = !self.self_metrics && family.name != "headcount_shared";
            if is_hidden || !names.is_empty() && !family.is_named(&names) {
                continue;
            }
            self.constant.add_labels(&mut family);
            // A program's own family with such a name has precedence.
            if let Err(at) = families.binary_search_by(|f| f.name.cmp(&family.name)) {
                families.insert(at, family);
            }
        }
        let skipped = core::mem::take(&mut scan.skipped);
        self.keeper.keep(scan.into_kept(plans, Some(kept_python), self.limit));
        Ok(Snapshot { families, skipped })
    }

    /// Reads what one process has in its segment, gauges too, and nothing else: for a person who
    /// looks at that process. The snapshot is empty if there is no such segment.
    #[cfg(feature = "serve")]
    pub(crate) fn collect_process(&self, instance: InstanceId) -> Result<Snapshot, Error> {
        self.start();
        let directory = self.open_directory();
        let mut scan = self.scan_in(directory.as_ref(), &self.keeper.kept(), false)?;
        scan.parts.retain(|part| part.segment.header.instance == instance);
        let Merged { mut families, skipped, .. } =
            merge(&scan.parts, &Archive::NONE, &Plans::default(), &[], scan.now);
        scan.skipped.extend(skipped);
        self.constant.add(&mut families, &mut scan.skipped);
        shorten(&mut families, self.limit, &mut scan.skipped);
        Ok(Snapshot { families, skipped: scan.skipped })
    }

    pub(super) fn scan(&self) -> Result<Scan, Error> {
        self.start();
        self.scan_in(self.open_directory().as_ref(), &self.keeper.kept(), false)
    }

    /// Brings this process's own series up to date: creates the declared ones, calls the functions
    /// that are sampled, and removes idle rows.
    fn start(&self) {
        if self.directory.is_none() {
            store::start();
            sampler::sample();
            store::remove_idle_now();
        }
    }

    fn scan_in(
        &self,
        directory: Result<&Option<Directory>, &Error>,
        earlier: &Arc<CollectionCache>,
        with_sums: bool,
    ) -> Result<Scan, Error> {
        match directory {
            Ok(Some(directory)) => {
                let wanted = Wanted {
                    directory,
                    this: store::THIS_PROCESS,
                    limit: self.limit,
                    with_own: self.directory.is_none(),
                    with_python: self.python_files,
                    with_sums,
                };
                Scan::of(wanted, earlier)
            }
            Ok(None) => Ok(Scan::of_own(store::THIS_PROCESS, earlier)),
            Err(e) if self.directory.is_none() => {
                Scan::of_own_instead(store::THIS_PROCESS, e.clone(), earlier)
            }
            Err(e) => Err(e.clone()),
        }
    }

    /// The directory that this collector reads, if there is one. For the process's own collector it
    /// is the directory that was opened first, even if its path leads elsewhere now.
    pub(crate) fn open_directory(&self) -> Result<Option<Directory>, Error> {
        match &self.directory {
            Some(path) => Directory::open(path).map(Some),
            None => store::open_directory(),
        }
    }

    /// Writes one generation of the archive. The collection is complete without it; but what keeps
    /// it from being written for good must be seen somewhere, since the directory grows and each
    /// collection costs more.
    fn compact_in_passing(directory: &Directory) -> Result<(), Error> {
        if !directory.is_writable() {
            return Ok(());
        }
        let done = Compactor::new(directory, store::FORKS).and_then(|compactor| {
            let compact = |compactor: Compactor<'_>| {
                compactor.generation(Limits::IN_PASSING, &mut Vec::new()).map(drop)
            };
            compactor.map_or(Ok(()), compact)
        });
        match done {
            // The next collection may succeed: another process has the lock, this one forked, or
            // lacks descriptors for a moment.
            Err(e) if e.is_busy() || e.is_transient() || e.raw_os_error() == Some(errno::EINTR) => {
                Ok(())
            }
            done => done.map_err(|e| e.at(directory.path())),
        }
    }
}
