//! One look at the processes whose segments are read, and the ledger's update.

use std::collections::BTreeMap;

use crate::directory::{Directory, segment_name};
use crate::error::Error;
use crate::kernel::errno;
use crate::kernel::lock;
use crate::model::instance::InstanceId;
use crate::process::{self, Forks};
use crate::segment::format::Header;

use super::file::{self, Turn};
use super::kernel::{Found, Usage, Who, look_for};
#[cfg(feature = "serve")]
use super::kernel::{Glance, glance_at};
use super::ledger::{Entry, Fate, Ledger, MAX_ENTRIES};

/// Looks at the processes of these headers.
pub(super) fn look<'a>(
    alive: impl Iterator<Item = &'a Header>,
    directory: Option<(&Directory, Forks)>,
    skipped: &mut Vec<Error>,
) -> Seen {
    let here = Here::new();
    let mut known = BTreeMap::new();
    for header in alive {
        if let Some(who) = here.who(header) {
            // If a process has several segments, any of them will do.
            known.insert(who, header.instance);
        }
    }
    match directory {
        Some((directory, forks)) => here.look(directory, forks, &known, skipped),
        // Private memory: this process alone, whose time the kernel knows.
        None => Seen::of_the_living(&known),
    }
}

/// Looks at the process of a segment, if it can be seen from here.
#[cfg(feature = "serve")]
pub(crate) fn glance(header: &Header) -> Option<Glance> {
    glance_at(&Here::new().who(header)?)
}

/// A process and one of its segments.
type Known = BTreeMap<Who, InstanceId>;

/// Where this process runs.
struct Here {
    boot_id: [u8; 16],
    pid_namespace: u64,
}

/// The result of one look at all processes.
pub(super) struct Seen {
    pub(super) living: BTreeMap<Who, Usage>,
    /// The CPU time of living and dead processes, if it is known.
    pub(super) cpu_ns: Option<u64>,
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
    fn new() -> Self {
        Self { boot_id: process::boot_id(), pid_namespace: process::pid_namespace() }
    }

    /// The process of a segment, if the kernel knows it by its pid.
    fn who(&self, header: &Header) -> Option<Who> {
        let who = Who {
            boot_id: header.boot_id,
            pid_namespace: header.pid_namespace,
            start_ticks: header.start_ticks,
            pid: header.pid,
        };
        (header.start_ticks != 0 && self.has(&who)).then_some(who)
    }

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
            let expected = [errno::EACCES, errno::EPERM, errno::EROFS];
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
                    // In another time namespace it seems to have started at another time.
                    Found::Gone if is_locked(directory, who, entry) => Fate::Unknown,
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
    match directory.open_file(&segment_name(who.pid, &entry.instance)) {
        Ok(Some(fd)) => lock::is_held(&fd).unwrap_or(true),
        Ok(None) => false,
        Err(_) => true,
    }
}
