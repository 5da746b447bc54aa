//! Makes this process's segment: the first one, and a new one after a fork.

use crate::clock;
use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::process::epoch;
use crate::segment::create::{Created, Heritage, abandon, create, create_private};
use crate::segment::format::LogPlace;
use crate::segment::mapping::Region;
use crate::segment::{current, shard, tally};

use super::preparation::Wanted;
use super::search::{Outcome, Place};
use super::state::{State, Store};

impl Store {
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

    /// Whether this process may still compact its directory to make space.
    fn may_make_space(&self) -> bool {
        self.made_space_in != Some(epoch())
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
            if self.may_make_space() && directory.as_ref().is_ok_and(Directory::is_nearly_full) {
                // Done before the segment is made, because the segment could take the space that
                // the archive needs.
                self.wanted = Some(Wanted::Space);
                return;
            }
            let path = self.directory().unwrap_or_default();
            let misfit = directory.as_ref().ok().and_then(|directory| self.misfit(directory));
            made = directory
                .and_then(|directory| self.create_in(Some(&directory), parent))
                .map_err(|e| e.at(&path));
            if self.may_make_space() && made.as_ref().is_err_and(Error::is_out_of_space) {
                abandon(self.region);
                self.wanted = Some(Wanted::Space);
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
        if self.shared && self.dropped_series > self.contradicted && self.may_make_space() {
            let is_full = self.kept.as_ref().is_some_and(|kept| kept.is_nearly_full());
            self.wanted = is_full.then_some(Wanted::Space);
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
}
