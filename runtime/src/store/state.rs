//! The store itself: what the mutex guards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Choice, Config};
use crate::directory::{Directory, Kept};
use crate::error::{Error, ErrorKind};
use crate::scan::ThisProcess;
use crate::segment::format::{Header, LogPlace, Word};
use crate::segment::mapping::Region;
use crate::segment::memory::Memory;
use crate::segment::own::Own;

use super::attach::ask_again;
use super::callbacks::Callbacks;
use super::churn::{Churn, RowOf, SeriesKey};
use super::guard::{FORKS, Guard};
use super::preparation::Wanted;
use super::waiting::Waiting;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was recorded yet.
    New,
    /// There is a segment, shared or private.
    Live,
    /// A child before its first operation. No segment is at the addresses.
    Forked,
    /// Even private memory could not be had. The store tries again now and then.
    Failed,
}

/// The purpose for which space was refused, as encoded in the upper half of the word `last_error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A thread's shard.
    Shard = 2,
    /// New series.
    Series = 3,
}

/// The name of a family, and those of its labels.
pub(super) type FamilyNames = (&'static str, Vec<String>);

/// The cells of a series.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) slot: u32,
    /// The cells of all series with these labels: one series for each outcome or state.
    pub(super) cells: u32,
    /// Further state if its labels are open: only such a series can be removed.
    pub(super) row: Option<RowOf>,
}

/// Everything that the mutex guards.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) state: State,
    /// The number of forks that this store has seen. It is behind the true number only if a signal
    /// handler forked inside an operation.
    pub(super) epoch: u32,
    pub(super) config: Option<Config>,
    /// The combination of `config` and environment; computed once, at first use, and inherited by
    /// children.
    pub(super) choice: Option<Choice>,
    /// The directory that was named, once it was open.
    pub(super) kept: Option<Arc<Kept>>,
    /// Whether the segment is in that directory.
    pub(super) shared: bool,
    pub(super) region: Option<Region>,
    pub(super) memory: Option<Memory>,
    pub(super) header: Option<Header>,
    /// A copy of the segment's log. A child can't read its parent's file any more, and needs the
    /// same log, without the removed rows.
    pub(super) log: Vec<u8>,
    /// The position of the log in the segment.
    pub(super) log_at: LogPlace,
    /// The next slot to assign; slot 0 is never assigned.
    pub(super) slots_used: u32,
    /// The id of each family in the log, by the family's record.
    pub(super) families: BTreeMap<Vec<u8>, u32>,
    /// Each series of a named family: two sites that declare the same series share its cells.
    pub(super) series: BTreeMap<Arc<SeriesKey>, Known>,
    pub(super) churn: Churn,
    /// The names of each family in the log, by its id.
    pub(super) names: Vec<FamilyNames>,
    /// The time of the last removal of a series, in nanoseconds since the log's epoch.
    pub(super) last_removed: u64,
    /// The cost of the log's labels to a reader: see `LABEL_COST`.
    pub(super) text: u64,
    /// The time at which the segment was made, by both clocks.
    pub(super) made: Option<(std::time::Instant, u64)>,
    /// The number of rows of each site with open labels.
    pub(super) rows: BTreeMap<usize, u32>,
    /// The rows `_other`, by site and slot; `rows` does not count them.
    pub(super) others: BTreeSet<(usize, u32)>,
    /// The number of sites that contradict another declaration of their name, which is in force.
    pub(super) contradicted: u64,
    pub(super) shards_used: u32,
    /// Shards that ended threads gave back, with their values.
    pub(super) free: Vec<u32>,
    pub(super) dropped_series: u64,
    /// Why counting is private although a directory was named, or else the last failure.
    pub(super) problem: Option<Error>,
    pub(super) callbacks: Callbacks,
    /// Called once the mutex is released.
    pub(super) start: Option<fn()>,
    pub(super) wanted: Option<Wanted>,
    /// The last epoch in which space was made. That is done once.
    pub(super) made_space_in: Option<u32>,
    /// Rows for which there was no space.
    pub(super) waiting: Waiting,
    /// The first entry of the linker's list when the list was last scanned.
    pub(super) seen: usize,
    /// Whether the program's declarations must be registered again.
    pub(super) unregistered: bool,
    /// A message to be logged once the mutex is released.
    pub(super) unsaid: Option<String>,
    /// Whether it was already logged that only this process sees its counts.
    pub(super) said_alone: bool,
}

impl Store {
    pub(super) const fn new() -> Self {
        Self {
            state: State::New,
            epoch: 0,
            config: None,
            choice: None,
            kept: None,
            shared: false,
            region: None,
            memory: None,
            header: None,
            log: Vec::new(),
            log_at: LogPlace::FIRST,
            slots_used: 1,
            families: BTreeMap::new(),
            series: BTreeMap::new(),
            churn: Churn::new(),
            names: Vec::new(),
            last_removed: 0,
            text: 0,
            made: None,
            rows: BTreeMap::new(),
            others: BTreeSet::new(),
            contradicted: 0,
            shards_used: 1,
            free: Vec::new(),
            dropped_series: 0,
            problem: None,
            callbacks: Callbacks::new(),
            start: None,
            wanted: None,
            made_space_in: None,
            waiting: Waiting::new(),
            seen: 0,
            unregistered: false,
            unsaid: None,
            said_alone: false,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// For the fork handler, in the child. Neither allocates nor frees.
    pub(super) fn forsake(&mut self) {
        if let Some(memory) = &mut self.memory {
            memory.forsake();
        }
        self.shards_used = 1;
        self.free.clear();
        self.said_alone = false;
        self.state = match self.state {
            State::New => State::New,
            State::Live | State::Forked | State::Failed => State::Forked,
        };
    }

    /// Records and publishes an error from growing the segment.
    pub(super) fn note_refusal(&mut self, stage: Stage, error: std::io::Error) {
        let errno = u64::from(error.raw_os_error().unwrap_or(0).unsigned_abs());
        if let Some(memory) = &self.memory {
            let order = std::sync::atomic::Ordering::Relaxed;
            memory.word(Word::LastError).store((stage as u64) << 32 | errno, order);
        }
        if self.problem.is_none() {
            let path = self.directory().unwrap_or_default();
            let error = Error::io("allocate space in the segment", error);
            self.problem = Some(if path.as_os_str().is_empty() { error } else { error.at(&path) });
            self.unsaid =
                self.problem.as_ref().map(|e| format!("some series are not counted: {e}"));
        }
    }

    pub(super) fn note_dropped_series(&self) {
        if let Some(memory) = &self.memory {
            let order = std::sync::atomic::Ordering::Relaxed;
            memory.word(Word::DroppedSeries).store(self.dropped_series, order);
        }
    }

    /// The directory that was named, once that is decided.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.choice.as_ref().and_then(|choice| choice.directory.clone())
    }

    /// Why the members of the group can't share a directory that is meant for them.
    pub(super) fn misfit(&self, directory: &Directory) -> Option<Error> {
        let group = self.choice.as_ref()?.group.filter(|group| !directory.is_open_to(*group))?;
        let message = format!(
            "group {group} can't write to the directory, which was there already: give it that \
             group and mode 2770"
        );
        Some(Error::new(ErrorKind::Invalid { message }))
    }

    /// Whether the segment's file was removed, so that no other process sees what is counted in it.
    pub(super) fn was_removed(&self) -> bool {
        self.state == State::Live
            && self.shared
            && self.memory.as_ref().and_then(|m| m.backing().links()) == Some(0)
    }

    /// Whether the segment has a file in the directory, as far as this process knows.
    pub(super) fn is_shared(&self) -> bool {
        self.state == State::Live
            && self.shared
            && self.memory.as_ref().and_then(|m| m.backing().links()) != Some(0)
    }
}

/// `None` if nothing was recorded since the start or the last fork.
fn own() -> Option<Own> {
    let mut store = Guard::lock()?;
    ask_again();
    store.catch_up();
    if store.state != State::Live {
        return None;
    }
    let (header, memory) = store.header.as_ref().zip(store.memory.as_ref())?;
    Some(Own::of(header.clone(), memory.view()))
}

/// What the store hands to a reader in this process.
pub(crate) const THIS_PROCESS: ThisProcess = ThisProcess { own, forks: FORKS };
