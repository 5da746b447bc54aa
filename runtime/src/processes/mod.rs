//! Process metrics from the kernel, for the processes whose segments are read: CPU time, memory,
//! descriptors. No code runs in these processes.
//!
//! Everything except time covers living processes only. Time is a counter: what dead processes used
//! stays in it, by a ledger beside the segments ([`ledger`], [`file`]) that the collectors of all
//! processes share. A collector looks at the processes under the ledger's lock: if it finds a
//! process gone, no collector whose numbers come later can find it alive, so nothing counts twice.
//! What a process used between the last look and its death is unknown.

mod file;
mod kernel;
mod ledger;

use std::collections::BTreeMap;

use crate::clock::nanos_as_seconds;
use crate::directory::Directory;
use crate::error::Error;
use crate::model::instance::hex;
use crate::model::{MetricFamily, MetricType, Number, Series, Value};
use crate::process::{self, Forks};
use crate::segment::format::Header;
use crate::segment::lock;
use file::Turn;
use kernel::{Found, Usage, Who, look_for};
use ledger::{Entry, Fate, Ledger, MAX_ENTRIES};

/// How [`Collector::process_metrics`](crate::Collector::process_metrics) shows several processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProcessMetrics {
    /// As one program: values are combined.
    Sum,
    /// Each living process has its own series, with the label `pid`. They end with the process.
    Each,
}

/// Returns the families. `alive` are the headers of segments whose processes are alive.
pub(crate) fn families<'a>(
    shown: ProcessMetrics,
    alive: impl Iterator<Item = &'a Header>,
    directory: Option<(&Directory, Forks)>,
    skipped: &mut Vec<Error>,
) -> Vec<MetricFamily> {
    let here = Here { boot_id: process::boot_id(), pid_namespace: process::pid_namespace() };
    let mut known = BTreeMap::new();
    for header in alive.filter(|header| header.start_ticks != 0) {
        let who = Who {
            boot_id: header.boot_id,
            pid_namespace: header.pid_namespace,
            start_ticks: header.start_ticks,
            pid: header.pid,
        };
        if here.has(&who) {
            // If a process has several segments, any of them will do.
            known.insert(who, header.instance);
        }
    }
    let seen = match directory {
        Some((directory, forks)) => here.look(directory, forks, &known, skipped),
        // Private memory: this process alone, whose time the kernel knows.
        None => Seen::of_the_living(&known),
    };
    match shown {
        ProcessMetrics::Sum => together(&seen),
        ProcessMetrics::Each => each(&seen),
    }
}

/// A process and one of its segments.
type Known = BTreeMap<Who, [u8; 16]>;

/// Where this process runs.
struct Here {
    boot_id: [u8; 16],
    pid_namespace: u64,
}

/// The result of one look at all processes.
struct Seen {
    living: BTreeMap<Who, Usage>,
    /// The CPU time of living and dead processes, if it is known.
    cpu_ns: Option<u64>,
}

impl Seen {
    fn of_the_living(known: &Known) -> Self {
        let living: BTreeMap<Who, Usage> = known
            .keys()
            .filter_map(|who| match look_for(who) {
                Found::There(usage) => Some((*who, usage)),
                Found::Gone | Found::Unknown => None,
            })
            .collect();
        let cpu_ns = living.values().fold(0, |sum: u64, usage| sum.saturating_add(usage.cpu_ns));
        Self { living, cpu_ns: Some(cpu_ns) }
    }
}

impl Here {
    /// Whether the kernel knows the process by its pid.
    fn has(&self, who: &Who) -> bool {
        self.boot_id != [0; 16]
            && self.pid_namespace != 0
            && (who.boot_id, who.pid_namespace) == (self.boot_id, self.pid_namespace)
    }

    fn look(
        &self,
        directory: &Directory,
        forks: Forks,
        known: &Known,
        skipped: &mut Vec<Error>,
    ) -> Seen {
        let mut held = match file::take_turn(directory, forks) {
            Turn::Mine(held) => held,
            turn => return Self::look_on(directory, known, &turn, skipped),
        };
        let before = match file::read(directory) {
            Ok(ledger) => ledger,
            Err(e) => {
                let is_damaged = e.is_corrupt();
                skipped.push(e);
                // A file that is no ledger, or a newer one, is left as it is.
                if !is_damaged || file::set_aside(&mut held).is_err() {
                    return Seen::of_the_living(known);
                }
                None
            }
        };
        let (after, mut seen) = self.settled(before.clone().unwrap_or_default(), known, directory);
        if before.as_ref() == Some(&after) {
            return seen;
        }
        if let Err(e) = file::replace(&after, &held) {
            // As in `look_on`: shows only what was committed, which the next collection finds too.
            match before {
                Some(before) => seen.cpu_ns = Some(before.total_ns()),
                // Another collector has written the first one meanwhile.
                None if e.is_busy() => seen.cpu_ns = None,
                None => {}
            }
            let expected = [libc::EACCES, libc::EPERM, libc::EROFS];
            let is_expected = e.raw_os_error().is_some_and(|number| expected.contains(&number));
            if !is_expected && !e.is_busy() {
                skipped.push(e);
            }
        }
        seen
    }

    /// Looks without writing the ledger. The total is only what was committed: if it contained
    /// more, and a process died unseen by the collectors that write, the counter would fall, and
    /// Prometheus would take that for a restart.
    fn look_on(
        directory: &Directory,
        known: &Known,
        turn: &Turn<'_>,
        skipped: &mut Vec<Error>,
    ) -> Seen {
        let mut seen = Seen::of_the_living(known);
        match (file::read(directory), turn) {
            (Ok(Some(ledger)), _) => seen.cpu_ns = Some(ledger.total_ns()),
            // Another collector is writing the first ledger, and its total is not known yet.
            (Ok(None), Turn::Anothers) => seen.cpu_ns = None,
            (Ok(None), _) => {}
            (Err(e), _) => skipped.push(e),
        }
        seen
    }

    /// Updates the ledger. Its lock is held.
    fn settled(&self, mut ledger: Ledger, known: &Known, directory: &Directory) -> (Ledger, Seen) {
        let mut living = BTreeMap::new();
        let is_crowded = ledger.entries.len() > MAX_ENTRIES / 2;
        ledger.settle(|who, entry| {
            if self.has(who) {
                return match look_for(who) {
                    Found::There(usage) => {
                        if known.contains_key(who) {
                            living.insert(*who, usage);
                        }
                        Fate::Used(usage.cpu_ns)
                    }
                    Found::Gone => Fate::Gone,
                    Found::Unknown => Fate::Unknown,
                };
            }
            let is_of_another_boot = self.boot_id != [0; 16] && who.boot_id != self.boot_id;
            let is_of_another_boot = is_of_another_boot && !is_locked(directory, who, entry);
            // Processes of another pid namespace are not visible here. Whether they are gone is
            // checked only if they could fill the ledger.
            if is_of_another_boot || (is_crowded && !is_locked(directory, who, entry)) {
                Fate::Gone
            } else {
                Fate::Unknown
            }
        });
        for (who, instance) in known {
            if ledger.entries.contains_key(who) {
                continue;
            }
            if let Found::There(usage) = look_for(who) {
                living.insert(*who, usage);
                ledger.enter(*who, Entry { cpu_ns: usage.cpu_ns, instance: *instance });
            }
        }
        let cpu_ns = Some(ledger.total_ns());
        (ledger, Seen { living, cpu_ns })
    }
}

/// Whether the process's segment exists and is locked.
fn is_locked(directory: &Directory, who: &Who, entry: &Entry) -> bool {
    let name = format!("{}-{}{}", who.pid, hex(&entry.instance), crate::directory::SUFFIX);
    match directory.open_file(&name) {
        Ok(Some(fd)) => lock::is_held(&fd).unwrap_or(true),
        Ok(None) => false,
        Err(_) => true,
    }
}

/// Name, help and unit, as in other Prometheus clients.
type About = (&'static str, &'static str, &'static str);

const CPU: About =
    ("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", "seconds");
const MAX_FDS: About = ("process_max_fds", "Maximum number of open file descriptors.", "");
const OPEN_FDS: About = ("process_open_fds", "Number of open file descriptors.", "");
const RESIDENT: About =
    ("process_resident_memory_bytes", "Resident memory size in bytes.", "bytes");
const STARTED: About = (
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    "seconds",
);
const VIRTUAL: About = ("process_virtual_memory_bytes", "Virtual memory size in bytes.", "bytes");

/// A gauge of a process, and how the values of several processes are combined.
type Gauge = (About, fn(&Usage) -> Option<f64>, fn(f64, f64) -> f64);

#[expect(clippy::cast_precision_loss, reason = "a gauge is an f64")]
const GAUGES: [Gauge; 5] = [
    // The limit that is reached first.
    (MAX_FDS, |usage| usage.max_fds.map(|n| n as f64), f64::min),
    (OPEN_FDS, |usage| usage.open_fds.map(|n| n as f64), |a, b| a + b),
    (RESIDENT, |usage| Some(usage.resident_bytes as f64), |a, b| a + b),
    (STARTED, |usage| usage.started, f64::min),
    (VIRTUAL, |usage| Some(usage.virtual_bytes as f64), |a, b| a + b),
];

fn together(seen: &Seen) -> Vec<MetricFamily> {
    let cpu = seen.cpu_ns.map(|ns| Value::Counter(Number::Float(nanos_as_seconds(ns))));
    let gauges = GAUGES.iter().map(|(about, of, and)| {
        let value = seen.living.values().filter_map(of).reduce(and);
        family(about, MetricType::Gauge, value.map(|value| series(None, Value::Gauge(value))))
    });
    [family(&CPU, MetricType::Counter, cpu.map(|cpu| series(None, cpu)))]
        .into_iter()
        .chain(gauges)
        .collect()
}

fn each(seen: &Seen) -> Vec<MetricFamily> {
    let cpu = |usage: &Usage| Value::Counter(Number::Float(nanos_as_seconds(usage.cpu_ns)));
    let cpu = seen.living.iter().map(|(who, usage)| series(Some(who), cpu(usage)));
    let gauges = GAUGES.iter().map(|(about, of, _)| {
        let living = seen.living.iter().filter_map(|(who, usage)| Some((who, of(usage)?)));
        let series = living.map(|(who, value)| series(Some(who), Value::Gauge(value)));
        family(about, MetricType::Gauge, series)
    });
    [family(&CPU, MetricType::Counter, cpu)].into_iter().chain(gauges).collect()
}

fn series(who: Option<&Who>, value: Value) -> Series {
    let labels = who.map(|who| ("pid", who.pid.to_string()));
    Series { labels: labels.into_iter().collect(), value, created: None }
}

fn family(
    (name, help, unit): &About,
    kind: MetricType,
    series: impl IntoIterator<Item = Series>,
) -> MetricFamily {
    let mut series: Vec<Series> = series.into_iter().collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    MetricFamily {
        name: (*name).to_owned(),
        help: (*help).to_owned(),
        unit: (*unit).to_owned(),
        kind,
        series,
    }
}
