//! The store itself: what the mutex guards.

use core::ops::Range;

use crate::scan::ThisProcess;
use crate::segment::own::Own;

use super::attach::ask_again;
use super::callbacks::Callbacks;
use super::churn::Churn;
use super::declarations::Declarations;
use super::dynamic::Dynamic;
use super::exemplars::Exemplars;
use super::guard::{FORKS, Guard};
use super::home::Home;
use super::log_copy::LogCopy;
use super::native::Native;
use super::on_release::OnRelease;
use super::own_segment::OwnSegment;
use super::preparation::Preparation;
use super::problems::Problems;
use super::series::SeriesIndex;
use super::shards::Shards;
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

/// Everything that the mutex guards. Each part is a type of its own, in the file of its name.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) state: State,
    /// The number of forks that this store has seen. It is behind the true number only if a signal
    /// handler forked inside an operation.
    pub(super) epoch: u32,
    pub(super) home: Home,
    pub(super) preparation: Preparation,
    pub(super) segment: OwnSegment,
    pub(super) log: LogCopy,
    pub(super) shards: Shards,
    pub(super) declarations: Declarations,
    pub(super) dynamic: Dynamic,
    pub(super) series: SeriesIndex,
    pub(super) churn: Churn,
    pub(super) native: Native,
    pub(super) exemplars: Exemplars,
    /// Rows for which there was no space.
    pub(super) waiting: Waiting,
    pub(super) callbacks: Callbacks,
    pub(super) problems: Problems,
    pub(super) on_release: OnRelease,
}

impl Store {
    pub(super) const fn new() -> Self {
        Self {
            state: State::New,
            epoch: 0,
            home: Home::new(),
            preparation: Preparation::new(),
            segment: OwnSegment::new(),
            log: LogCopy::new(),
            shards: Shards::new(),
            declarations: Declarations::new(),
            dynamic: Dynamic::new(),
            series: SeriesIndex::new(),
            churn: Churn::new(),
            native: Native::new(),
            exemplars: Exemplars::new(),
            waiting: Waiting::new(),
            callbacks: Callbacks::new(),
            problems: Problems::new(),
            on_release: OnRelease::new(),
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// For the fork handler, in the child. Neither allocates nor frees.
    pub(super) fn forsake(&mut self) {
        self.segment.forsake();
        self.shards.forsake();
        self.problems.said_alone = false;
        self.state = match self.state {
            State::New => State::New,
            State::Live | State::Forked | State::Failed => State::Forked,
        };
    }

    /// Whether the segment's file was removed, so that no other process sees what is counted in it.
    pub(super) fn was_removed(&self) -> bool {
        self.is_live() && self.segment.links() == Some(0)
    }

    /// Whether the segment has a file in the directory, as far as this process knows.
    pub(super) fn is_shared(&self) -> bool {
        self.is_live() && self.segment.is_in_directory && self.segment.links() != Some(0)
    }
}

/// The values of these cells: of each in turn that in shard 0, which has every slot, and then those
/// in the shards of threads. Empty if nothing was recorded since the start or the last fork; `None`
/// in a nested call.
pub(crate) fn own_cells(slots: Range<u32>) -> Option<Vec<u64>> {
    let store = Guard::lock()?;
    let Some(memory) = store.segment.memory.as_ref().filter(|_| store.is_live()) else {
        return Some(Vec::new());
    };
    let used = store.shards.used();
    Some(slots.flat_map(|slot| memory.cells(used, slot)).collect())
}

/// `None` if nothing was recorded since the start or the last fork.
fn own() -> Option<Own> {
    let mut store = Guard::lock()?;
    ask_again();
    store.catch_up();
    if store.is_live() { store.segment.view() } else { None }
}

/// What the store hands to a reader in this process.
pub(crate) const THIS_PROCESS: ThisProcess = ThisProcess { own, forks: FORKS };
