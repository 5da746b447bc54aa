//! The store itself: making this process's segment, and making a new one after a fork.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::clock;
use crate::config::{Choice, Config, ON};
use crate::declare::registry;
use crate::directory::{Directory, Kept};
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::process::epoch;
use crate::scan::ThisProcess;
use crate::segment::create::{Created, Heritage, abandon, create, create_private};
use crate::segment::format::{Header, LogPlace, Word};
use crate::segment::mapping::Region;
use crate::segment::memory::Memory;
use crate::segment::own::Own;
use crate::segment::{current, shard, tally};

use super::attach::ask_again;
use super::callbacks::{Callbacks, set_sample_interval};
use super::churn::{Churn, RowOf, SeriesKey};
use super::fork::{FORKS, Guard};
use super::search::{Outcome, Place, Search};
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

/// Work that must be done without the mutex before this process makes its segment, or assigns cells
/// to its declarations.
#[derive(Debug)]
pub(super) enum Wanted {
    Directory(Search),
    Room,
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
    region: Option<Region>,
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
    pub(super) made_room_in: Option<u32>,
    /// Rows for which there was no space.
    pub(super) waiting: Waiting,
    /// The first entry of the linker's list when the list was last scanned.
    pub(super) seen: usize,
    /// Whether the program's declarations must be registered again.
    unregistered: bool,
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
            made_room_in: None,
            waiting: Waiting::new(),
            seen: 0,
            unregistered: false,
            unsaid: None,
            said_alone: false,
        }
    }

    /// Tries to get memory to record in, if there is none. If something must be done without the
    /// mutex first, `wanted` says so: see [`Guard::made_live`].
    pub(super) fn make_live(&mut self, found: Option<Outcome>) {
        match self.state {
            State::Live => {
                if core::mem::take(&mut self.unregistered) {
                    self.register_new();
                }
                self.catch_up();
            }
            // After a failure the caller doesn't ask often.
            State::New | State::Forked | State::Failed => {
                if self.state == State::New {
                    clock::prepare();
                }
                let place = match found {
                    Some(Outcome { choice, kept, place }) => {
                        (self.choice, self.kept) = (Some(choice), kept);
                        Some(place)
                    }
                    None => self.place_at_hand(),
                };
                match place {
                    Some(place) => self.make_segment(place),
                    None => self.wanted = Some(Wanted::Directory(self.search())),
                }
            }
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// Whether this process may still compact its directory to make space.
    fn may_want_room(&self) -> bool {
        self.made_room_in != Some(epoch())
    }

    fn make_segment(&mut self, place: Place) {
        if self.state == State::Forked {
            // Not at the parent's addresses: an operation that a signal handler interrupted there
            // may be about to store a value that it computed from the parent's counts.
            self.memory = None;
            self.region = None;
            current::park(shard::reachable());
        }
        let parent = self.header.as_ref().map(|header| (header.instance, header.log_epoch_ns));
        // The counts in removed rows are the parent's.
        self.leave_out_gone();
        let is_first = self.state == State::New;
        let mut made = Err(Error::new(ErrorKind::Private));
        if let Some(directory) = place {
            if self.may_want_room() && directory.as_ref().is_ok_and(Directory::is_nearly_full) {
                // Done before the segment is made, because the segment could take the space that
                // the archive needs.
                self.wanted = Some(Wanted::Room);
                return;
            }
            let path = self.directory().unwrap_or_default();
            let misfit = directory.as_ref().ok().and_then(|directory| self.misfit(directory));
            made = directory
                .and_then(|directory| self.create_in(Some(&directory), parent))
                .map_err(|e| e.at(&path));
            if self.may_want_room() && made.as_ref().is_err_and(Error::is_want_of_room) {
                abandon(self.region);
                self.wanted = Some(Wanted::Room);
                return;
            }
            self.problem = misfit.map(|e| e.at(&path));
            if let (Err(e), false) = (&made, self.state == State::Failed) {
                self.unsaid = Some(format!("counting in private memory: {e}"));
                self.said_alone = true;
            }
        }
        if let Some(message) = self.choice.as_ref().and_then(|choice| choice.mistake.clone()) {
            self.problem.get_or_insert(Error::new(ErrorKind::Invalid { message }));
        }
        if let (true, None, Some(problem)) = (is_first, &self.unsaid, &self.problem) {
            self.unsaid = Some(problem.to_string());
        }
        self.shared = made.is_ok();
        let made = made.or_else(|why| {
            if self.directory().is_some() {
                self.problem = Some(why);
            }
            self.create_in(None, parent)
        });
        // There may be no descriptor at the moment, or files may have to be empty. Private memory
        // needs no file.
        let made = made.or_else(|_| self.create_by(parent, create_private));
        match made {
            Ok(created) => {
                fault::step!("create.current", created.memory.make_current());
                tally::settle();
                shard::set_process(created.memory.shard(0));
                self.memory = Some(created.memory);
                self.made = Some((std::time::Instant::now(), created.header.created_ns));
                self.header = Some(created.header);
                self.log_at = LogPlace::FIRST;
                self.state = State::Live;
                self.start = self.callbacks.start();
                self.churn.starts_thread = !self.churn.idle.is_empty();
                self.note_dropped_series();
                self.register_first();
            }
            Err(e) => {
                // Logged once, however often the attempt is repeated.
                if self.state != State::Failed {
                    self.unsaid = Some(format!("nothing will be counted: {e}"));
                }
                self.state = State::Failed;
                self.problem = Some(e);
            }
        }
    }

    /// Registers the program's declarations in a segment that was just made. If there is not enough
    /// space, there may be some after compacting.
    fn register_first(&mut self) {
        let (problem, unsaid) = (self.problem.clone(), self.unsaid.clone());
        self.register_new();
        if self.shared && self.dropped_series > self.contradicted && self.may_want_room() {
            let is_full = self.kept.as_ref().is_some_and(|kept| kept.is_nearly_full());
            self.wanted = is_full.then_some(Wanted::Room);
        }
        if self.wanted.is_some() {
            // Not reported yet.
            self.unregistered = true;
            (self.problem, self.unsaid) = (problem, unsaid);
        }
    }

    fn create_in(
        &mut self,
        directory: Option<&Directory>,
        parent: Option<([u8; 16], u64)>,
    ) -> Result<Created, Error> {
        self.create_by(parent, |heritage, kept| create(directory, heritage, kept))
    }

    fn create_by(
        &mut self,
        parent: Option<([u8; 16], u64)>,
        how: impl FnOnce(&Heritage<'_>, &mut Option<Region>) -> Result<Created, Error>,
    ) -> Result<Created, Error> {
        let began = epoch();
        let heritage = Heritage {
            is_same_process: &|| epoch() == began,
            region: self.region,
            size: self.choice.as_ref().map(|choice| choice.size).unwrap_or_default(),
            log: &self.log,
            slots_used: self.slots_used,
            process_cells: shard::process_inherited().max(self.slots_used),
            parent: parent.map_or([0; 16], |(instance, _)| instance),
            log_epoch_ns: parent.map(|(_, epoch)| epoch),
        };
        // Kept even if making the segment fails: the reserved addresses are used again.
        let mut region = self.region;
        let created = how(&heritage, &mut region);
        self.region = region;
        created
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
            let error = Error::io("allocate room in the segment", error);
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
    fn directory(&self) -> Option<PathBuf> {
        self.choice.as_ref().and_then(|choice| choice.directory.clone())
    }

    /// Why the members of the group can't share a directory that is meant for them.
    fn misfit(&self, directory: &Directory) -> Option<Error> {
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

/// Decides where this process and its children count, and creates this process's segment.
///
/// Call it at the start of the program, before it forks: children inherit the decision. Without it
/// the first recording does the same, with the settings of the environment.
///
/// # Errors
///
/// Returns an error if the directory cannot be used: it cannot be created, is not a directory,
/// belongs to another user, everybody may write to it, or it has no space, even after the segments
/// of dead processes were compacted. Recording works all the same, in memory that only this process
/// can read, for as long as the process lives; a forked child tries again.
///
/// Also returns an error if recording had begun in another place, since what was counted cannot be
/// moved ([`Error::is_already_started`]).
pub fn init(config: Config) -> Result<(), Error> {
    if !ON {
        return Ok(());
    }
    if let Some(interval) = config.chosen_interval() {
        set_sample_interval(interval);
    }
    let choice = config.choice();
    // `None`: called from inside an operation of this very thread (an allocator, a signal handler);
    // that one decides.
    let Some(mut store) = Guard::settled() else { return Ok(()) };
    let is_same = store.directory() == choice.directory;
    if store.state == State::Live {
        if is_same {
            // A repeated call: the result of the first attempt is still true.
            return store.shortcoming(choice.required).map_or(Ok(()), Err);
        }
        let started = Error::new(ErrorKind::AlreadyStarted);
        return Err(store.directory().iter().fold(started, |error, path| error.at(path)));
    }
    if store.state == State::Failed {
        store.state = State::Forked;
    }
    if !is_same {
        store.kept = None;
    }
    let required = choice.required;
    store.config = Some(config);
    store.choice = Some(choice);
    let Some(mut store) = store.made_live() else { return Ok(()) };
    // The caller gets the error, so it need not be logged.
    store.unsaid = None;
    store.said_alone = false;
    store.shortcoming(required).map_or(Ok(()), Err)
}

/// Makes this process's segment, if the program declares anything, so that its series exist before
/// they are used.
pub(crate) fn start() {
    if registry::is_empty() || !ON {
        return;
    }
    drop(Guard::live());
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
