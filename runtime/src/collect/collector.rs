//! Scanning a directory and making a snapshot of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::fstat;

use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::store;

use super::decode::{Age, Layouts, Segment, read_header};
use super::liveness::{Here, Life};
use super::merge::{Part, merge};
use super::read::Source;
use super::snapshot::{Family, FamilyKind, Series, Snapshot, Value};

/// Reads what all processes of a directory counted, and merges it.
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
}

impl Collector {
    /// Collects from the directory in which this process counts; where it counts in private memory, from itself.
    #[expect(
        clippy::new_without_default,
        reason = "it looks at the process, which a default should not"
    )]
    pub fn new() -> Self {
        Self { directory: None }
    }

    /// Collects from a directory, whether or not this process counts there or anywhere.
    pub fn open(path: impl AsRef<Path>) -> Self {
        Self { directory: Some(path.as_ref().to_owned()) }
    }

    /// Reads everything once.
    ///
    /// Counters and histograms are those of all processes, living and dead; a gauge is what its mode says. What can't be read
    /// is left out and told in [`Snapshot::skipped`].
    ///
    /// # Errors
    ///
    /// Where the directory itself can't be read.
    pub fn collect(&self) -> Result<Snapshot, Error> {
        let began = Instant::now();
        let mut scan = Scan::default();
        let own_directory = if self.directory.is_none() {
            // So that what this process declares is there, before it is used.
            store::start();
            scan.take_own();
            store::directory()
        } else {
            None
        };
        match (&self.directory, own_directory) {
            (Some(path), _) => scan.read_directory(&Directory::open(path)?)?,
            (None, Some(path)) => match Directory::open(&path) {
                Ok(directory) => scan.read_directory(&directory)?,
                // This process counts in private memory then, which was read; the reason is worth telling.
                Err(e) if !scan.parts.is_empty() => scan.skipped.push(e),
                Err(e) => return Err(e),
            },
            (None, None) => {}
        }
        scan.settle_lives();
        let (mut families, conflicts) = merge(&scan.parts);
        scan.skipped.extend(conflicts);
        for family in scan.about_itself(began) {
            // A program's own family of such a name keeps it.
            if let Err(at) = families.binary_search_by(|f| f.name.cmp(&family.name)) {
                families.insert(at, family);
            }
        }
        Ok(Snapshot { families, skipped: scan.skipped })
    }
}

/// What one collection finds.
#[derive(Debug, Default)]
struct Scan {
    parts: Vec<Part>,
    /// This process's instance, which was read already.
    own: Option<[u8; 16]>,
    /// The place in `parts` of each instance.
    instances: HashMap<[u8; 16], usize>,
    layouts: Layouts,
    skipped: Vec<Error>,
}

impl Scan {
    /// This process's own segment, from its memory: also where it has no name.
    fn take_own(&mut self) {
        let Some(own) = store::own() else { return };
        let header = own.header().clone();
        match Segment::read(&Source::Own(own), header, &mut self.layouts) {
            Ok(segment) => {
                self.own = Some(segment.header.instance);
                self.parts.push(Part { segment, life: Life::Locked });
            }
            Err(e) => self.skipped.push(e),
        }
    }

    fn read_directory(&mut self, directory: &Directory) -> Result<(), Error> {
        let here = Here::now();
        for name in directory.segments()? {
            if let Err(e) = self.read_one(directory, &name, &here) {
                self.skipped.push(e.at(&directory.path().join(&name)));
            }
        }
        Ok(())
    }

    fn read_one(&mut self, directory: &Directory, name: &str, here: &Here) -> Result<(), Error> {
        // `None`: it is gone.
        let Some(fd) = directory.open_segment(name)? else { return Ok(()) };
        let stat = fstat(&fd).map_err(|e| Error::io("look at it", e))?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let source = Source::File(fd);
        let header = read_header(&source, size)?;
        if self.own == Some(header.instance) {
            return Ok(());
        }
        // Before the cells: what is dead by now has its last values.
        let life = match &source {
            Source::File(fd) => here.of(&header, fd),
            Source::Own(_) => Life::Locked,
        };
        let segment = Segment::read(&source, header, &mut self.layouts)?;
        self.add(Part { segment, life })
    }

    /// A copy of a file is no second process. Of the two, the one that is alive is the original, or the one that knows more.
    fn add(&mut self, mut part: Part) -> Result<(), Error> {
        let instance = part.segment.header.instance;
        let Some(known) = self.instances.get(&instance).and_then(|at| self.parts.get_mut(*at))
        else {
            self.instances.insert(instance, self.parts.len());
            self.parts.push(part);
            return Ok(());
        };
        let rank = |part: &Part| (part.life, part.segment.log_used);
        if rank(&part) > rank(known) {
            core::mem::swap(known, &mut part);
        }
        Err(Error::new(ErrorKind::Foreign { reason: "a copy of another segment" }))
    }

    /// Of segments of one process that hold no lock, only the newest can be written: a program that replaced itself by another left the
    /// older ones behind.
    fn settle_lives(&mut self) {
        type Process = ([u8; 16], u64, u32, u64);
        let process = |part: &Part| -> Process {
            let h = &part.segment.header;
            (h.boot_id, h.pid_namespace, h.pid, h.start_ticks)
        };
        let mut newest = HashMap::<Process, Age>::new();
        for part in &self.parts {
            let age = newest.entry(process(part)).or_default();
            *age = part.segment.age().max(*age);
        }
        for part in &mut self.parts {
            let is_newest = newest.get(&process(part)) == Some(&part.segment.age());
            if part.life == Life::Running && !is_newest {
                part.life = Life::Dead;
            }
        }
    }

    /// The collector's own families.
    fn about_itself(&self, began: Instant) -> Vec<Family> {
        let living = self.parts.iter().filter(|part| part.is_alive()).count();
        let sum = |of: fn(&Segment) -> u64| {
            self.parts.iter().fold(0_u64, |sum, part| sum.saturating_add(of(&part.segment)))
        };
        let reasons = ["conflict", "corrupt", "foreign", "io", "not_a_segment", "version"];
        let skipped = reasons.map(|reason| {
            (
                ("reason", reason),
                count(self.skipped.iter().filter(|e| e.reason() == reason).count()),
            )
        });
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let [dropped_operations, dropped_series, cut] =
            [sum(|s| s.dropped_operations), sum(|s| s.dropped_series), sum(|s| s.cut_label_values)]
                .map(|n| n as f64);
        vec![
            about(
                "headcount_cut_label_values",
                "Label values that were longer than 1024 bytes, and were cut there.",
                [(("", ""), cut)],
            ),
            about(
                "headcount_dropped_operations",
                "Operations that were recorded nowhere, for want of room or of a value that makes sense.",
                [(("", ""), dropped_operations)],
            ),
            about(
                "headcount_dropped_series",
                "Series that could not be registered, for want of room.",
                [(("", ""), dropped_series)],
            ),
            about(
                "headcount_files_skipped",
                "Files and declarations that take no part in this exposition, by reason.",
                skipped,
            ),
            about(
                "headcount_processes",
                "Processes whose segments were read.",
                [
                    (("state", "dead"), count(self.parts.len() - living)),
                    (("state", "live"), count(living)),
                ],
            ),
            about(
                "headcount_scrape_duration_seconds",
                "How long reading and merging took.",
                [(("", ""), began.elapsed().as_secs_f64())],
            ),
        ]
    }
}

#[expect(clippy::cast_precision_loss, reason = "no more than files in a directory")]
fn count(n: usize) -> f64 {
    n as f64
}

fn about<const N: usize>(name: &str, help: &str, values: [((&str, &str), f64); N]) -> Family {
    let series = values.into_iter().map(|((label, value), number)| Series {
        labels: if label.is_empty() { vec![] } else { vec![(label.to_owned(), value.to_owned())] },
        value: Value::Gauge(number),
        created: None,
    });
    Family {
        name: name.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
        kind: FamilyKind::Gauge,
        series: series.collect(),
    }
}
