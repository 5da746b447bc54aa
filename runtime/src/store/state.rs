//! The store itself: making this process's segment, and finding it again after a fork.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::clock;
use crate::config::{Choice, Config, ON};
use crate::directory::{Directory, Kept};
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::process::epoch;
use crate::registry;
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
    /// A child's, before its first operation: the memory behind the addresses is nobody's.
    Forked,
    /// Not even private memory could be had. Asked again now and then.
    Failed,
}

/// What must be done without the mutex before this process makes its segment, or gives cells to
/// what it declares.
#[derive(Debug)]
pub(super) enum Wanted {
    Directory(Search),
    Room,
}

/// A family's name and those of its labels.
pub(super) type FamilyNames = (&'static str, Vec<String>);

/// Where a series has its cells.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) slot: u32,
    /// Of all series with these labels: one for each outcome or state.
    pub(super) cells: u32,
    /// What else there is of it if its labels are open: only such can be removed.
    pub(super) row: Option<RowOf>,
}

/// Everything behind the mutex.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) state: State,
    /// Forks that this store has gone through; behind the true number only if a signal handler
    /// forked inside us.
    pub(super) epoch: u32,
    pub(super) config: Option<Config>,
    /// What that and the environment come to; decided once, at first use, and inherited by
    /// children.
    pub(super) choice: Option<Choice>,
    /// The directory that was named, once it was open.
    pub(super) kept: Option<Arc<Kept>>,
    /// Whether the segment was made there.
    pub(super) shared: bool,
    region: Option<Region>,
    pub(super) memory: Option<Memory>,
    pub(super) header: Option<Header>,
    /// A copy of the segment's log. A child can't read its parent's file any more, and needs the
    /// same log, without what was removed.
    pub(super) log: Vec<u8>,
    /// Where in the segment it stands.
    pub(super) log_at: LogPlace,
    /// The next slot to be given away; 0 never is.
    pub(super) slots_used: u32,
    /// The id of each family in the log, by its record.
    pub(super) families: BTreeMap<Vec<u8>, u32>,
    /// Each series of a named family: two sites that declare the same series share its cells.
    pub(super) series: BTreeMap<Arc<SeriesKey>, Known>,
    pub(super) churn: Churn,
    /// The names of each family in the log, by its id.
    pub(super) names: Vec<FamilyNames>,
    /// When a series was removed last, in nanoseconds since the log's epoch.
    pub(super) last_removed: u64,
    /// What the log costs a reader in labels.
    pub(super) text: u64,
    /// When the segment was made, by both clocks.
    pub(super) made: Option<(std::time::Instant, u64)>,
    /// Rows of each site with open labels.
    pub(super) rows: BTreeMap<usize, u32>,
    /// Those of them that take what is too much, by site and slot; they aren't among the rows.
    pub(super) others: BTreeSet<(usize, u32)>,
    /// How many sites contradict another of their name, which is in force.
    pub(super) contradicted: u64,
    pub(super) shards_used: u32,
    /// Shards that ended threads gave back, with their values.
    pub(super) free: Vec<u32>,
    pub(super) dropped_series: u64,
    /// Why counting is private although a directory was named, or the last thing that failed since.
    pub(super) problem: Option<Error>,
    pub(super) callbacks: Callbacks,
    /// Called once the mutex is released.
    pub(super) start: Option<fn()>,
    pub(super) wanted: Option<Wanted>,
    /// The epoch in which that was done last. It is done once.
    pub(super) made_room_in: Option<u32>,
    /// Rows that there was no room for.
    pub(super) waiting: Waiting,
    /// What stood first in the linker's list when it was looked through last.
    pub(super) seen: usize,
    /// Whether what the program declares is to be registered once more.
    unregistered: bool,
    /// Said through the log facade once the mutex is released.
    pub(super) unsaid: Option<String>,
    /// Whether the logger knows that this process counts for itself alone.
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

    /// Tries to get memory to record in, where there is none. What must be done before is told in
    /// `wanted`: see [`Guard::made_live`].
    pub(super) fn make_live(&mut self, found: Option<Outcome>) {
        match self.state {
            State::Live => {
                if core::mem::take(&mut self.unregistered) {
                    self.register_new();
                }
                self.catch_up();
            }
            // Failed: the caller doesn't ask often.
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

    /// Whether this process may still have room made for it in its directory.
    fn may_want_room(&self) -> bool {
        self.made_room_in != Some(epoch())
    }

    fn make_segment(&mut self, place: Place) {
        if self.state == State::Forked {
            // Not at its parent's addresses: an operation that a signal handler interrupted there
            // may
            // still be about to store what it has computed from the parent's values.
            self.memory = None;
            self.region = None;
            current::park(shard::reachable());
        }
        let parent = self.header.as_ref().map(|header| (header.instance, header.log_epoch_ns));
        // What was counted in rows that are gone is the parent's.
        self.leave_out_gone();
        let is_first = self.state == State::New;
        let mut made = Err(Error::new(ErrorKind::Private));
        if let Some(directory) = place {
            if self.may_want_room() && directory.as_ref().is_ok_and(Directory::is_nearly_full) {
                // Before it is tried: what a segment takes first the archive could need.
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
        // No descriptor to be had for a moment, or no file of any length allowed: memory needs
        // neither.
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
                // Said once, however often it is tried.
                if self.state != State::Failed {
                    self.unsaid = Some(format!("nothing will be counted: {e}"));
                }
                self.state = State::Failed;
                self.problem = Some(e);
            }
        }
    }

    /// Registers what the program declares, in a segment that was just made. What finds no room may
    /// find some once it was made.
    fn register_first(&mut self) {
        let (problem, unsaid) = (self.problem.clone(), self.unsaid.clone());
        self.register_new();
        if self.shared && self.dropped_series > self.contradicted && self.may_want_room() {
            let is_full = self.kept.as_ref().is_some_and(|kept| kept.is_nearly_full());
            self.wanted = is_full.then_some(Wanted::Room);
        }
        if self.wanted.is_some() {
            // Nothing is said of it yet.
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
        // Kept also when making the segment fails: reserved addresses are used again.
        let mut region = self.region;
        let created = how(&heritage, &mut region);
        self.region = region;
        created
    }

    /// For the fork handler, in the child. Allocates and frees nothing.
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

    /// Remembers and publishes what went wrong while growing.
    pub(super) fn note_refusal(&mut self, stage: u64, error: std::io::Error) {
        let errno = u64::from(error.raw_os_error().unwrap_or(0).unsigned_abs());
        if let Some(memory) = &self.memory {
            let order = std::sync::atomic::Ordering::Relaxed;
            memory.word(Word::LastError).store(stage << 32 | errno, order);
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

    /// Why others can't share a directory that is to be shared with a group.
    fn misfit(&self, directory: &Directory) -> Option<Error> {
        let group = self.choice.as_ref()?.group.filter(|group| !directory.is_open_to(*group))?;
        let message = format!(
            "group {group} can't write to the directory, which was there already: give it that \
             group and mode 2770"
        );
        Some(Error::new(ErrorKind::Invalid { message }))
    }

    /// Whether somebody removed the segment's file, so that nobody else sees what is counted in it.
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
            // Asked for again: what was said when it was tried is still true.
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
    // The caller is told; the log need not be.
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

/// `None` where nothing was recorded since the start or the fork.
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

/// What a reader in this process is handed.
pub(crate) const THIS_PROCESS: ThisProcess = ThisProcess { own, forks: FORKS };
