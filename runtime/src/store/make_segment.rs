//! Makes this process's segment: the first one, and a new one after a fork.

use crate::clock;
use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::model::instance::InstanceId;
use crate::process::epoch;
use crate::segment::create::{Created, Heritage, abandon, create, create_private};
use crate::segment::mapping::Region;
use crate::segment::{current, shard, tally};

use super::preparation::Wanted;
use super::search::{Outcome, Place, Search};
use super::state::{State, Store};

/// A parent's instance, and the epoch of its log.
type Parent = Option<(InstanceId, u64)>;

impl Store {
    /// Tries to get memory to record in, if there is none. If something must be done without the
    /// mutex first, `preparation` says so: see `Guard::made_live`.
    pub(super) fn make_live(&mut self, found: Option<Outcome>) {
        match self.state {
            State::Live => {
                if core::mem::take(&mut self.declarations.unregistered) {
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
                    Some(outcome) => Some(self.home.found(outcome)),
                    None => self.home.place_at_hand(),
                };
                match place {
                    Some(place) => self.make_segment(place),
                    None => self.preparation.want(Wanted::Directory(Search::of(&self.home))),
                }
            }
        }
    }

    fn make_segment(&mut self, place: Place) {
        if self.state == State::Forked {
            // Not at the parent's addresses: an operation that a signal handler interrupted there
            // may be about to store a value that it computed from the parent's counts.
            self.segment.leave_addresses();
            current::park(shard::reachable());
        }
        let header = self.segment.header.as_ref();
        let parent = header.map(|header| (header.instance, header.log_epoch_ns));
        // The counts in removed rows are the parent's.
        self.leave_out_gone();
        let is_first = self.state == State::New;
        let Some(made) = self.create_shared(place, parent) else { return };
        if let Some(message) = self.home.choice().and_then(|choice| choice.mistake.clone()) {
            self.problems.current.get_or_insert(Error::invalid(message));
        }
        if let (true, None, Some(problem)) =
            (is_first, &self.on_release.warning, &self.problems.current)
        {
            self.on_release.warning = Some(problem.to_string());
        }
        self.segment.is_in_directory = made.is_ok();
        let made = made.or_else(|why| {
            if self.home.directory().is_some() {
                self.problems.current = Some(why);
            }
            self.create_in(None, parent)
        });
        // There may be no descriptor at the moment, or files may have to be empty. Private memory
        // needs no file.
        match made.or_else(|_| self.create_by(parent, create_private)) {
            Ok(created) => self.begin(created),
            Err(e) => {
                // Logged once, however often the attempt is repeated.
                if self.state != State::Failed {
                    self.on_release.warning = Some(format!("nothing will be counted: {e}"));
                }
                self.state = State::Failed;
                self.problems.current = Some(e);
            }
        }
    }

    /// Makes a segment in the directory. `None`: space must be made there first.
    fn create_shared(&mut self, place: Place, parent: Parent) -> Option<Result<Created, Error>> {
        let Some(directory) = place else { return Some(Err(Error::new(ErrorKind::Private))) };
        let may_make_space = self.preparation.may_make_space();
        if may_make_space && directory.as_ref().is_ok_and(Directory::is_nearly_full) {
            // Done before the segment is made, because the segment could take the space that the
            // archive needs.
            self.preparation.want(Wanted::Space);
            return None;
        }
        let path = self.home.directory().unwrap_or_default();
        let misfit = directory.as_ref().ok().and_then(|directory| self.home.misfit(directory));
        let made = directory
            .and_then(|directory| self.create_in(Some(&directory), parent))
            .map_err(|e| e.at(&path));
        if may_make_space && made.as_ref().is_err_and(Error::is_out_of_space) {
            abandon(self.segment.region());
            self.preparation.want(Wanted::Space);
            return None;
        }
        self.problems.current = misfit.map(|e| e.at(&path));
        if let (Err(e), false) = (&made, self.state == State::Failed) {
            self.on_release.warning = Some(format!("counting in private memory: {e}"));
            self.problems.said_alone = true;
        }
        Some(made)
    }

    /// From now on this process counts in this segment.
    fn begin(&mut self, created: Created) {
        fault::step!("create.current", created.memory.make_current());
        tally::settle();
        shard::set_process(created.memory.shard(0));
        self.segment.set(created);
        self.log.is_first_in_segment();
        self.state = State::Live;
        self.on_release.start = self.callbacks.start();
        self.on_release.remove_idle =
            self.churn.remove_idle.filter(|_| !self.churn.idle.is_empty());
        self.note_dropped_series();
        self.register_first();
    }

    /// Registers the program's declarations in a segment that was just made. If there is not enough
    /// space, there may be some after compacting.
    fn register_first(&mut self) {
        let (problem, warning) = (self.problems.current.clone(), self.on_release.warning.clone());
        self.register_new();
        let lacks_space = self.segment.is_in_directory && self.declarations.lack_space();
        if lacks_space && self.preparation.may_make_space() && self.home.is_nearly_full() {
            self.preparation.want(Wanted::Space);
            // Not reported yet.
            self.declarations.unregistered = true;
            (self.problems.current, self.on_release.warning) = (problem, warning);
        }
    }

    fn create_in(
        &mut self,
        directory: Option<&Directory>,
        parent: Parent,
    ) -> Result<Created, Error> {
        self.create_by(parent, |heritage, kept| create(directory, heritage, kept))
    }

    fn create_by(
        &mut self,
        parent: Parent,
        how: impl FnOnce(&Heritage<'_>, &mut Option<Region>) -> Result<Created, Error>,
    ) -> Result<Created, Error> {
        let began = epoch();
        let heritage = Heritage {
            is_same_process: &|| epoch() == began,
            region: self.segment.region(),
            size: self.home.choice().map(|choice| choice.size).unwrap_or_default(),
            log: &self.log.bytes,
            slots_used: self.log.slots_used,
            process_cells: shard::process_inherited().max(self.log.slots_used),
            parent: parent.map_or([0; 16], |(instance, _)| instance),
            log_epoch_ns: parent.map(|(_, epoch)| epoch),
        };
        self.segment.create(&heritage, how)
    }
}
