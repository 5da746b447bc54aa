//! A segment, and whether its process is alive.

use core::cell::Cell;

use crate::reader::liveness::Life;
use crate::reader::segment::Segment;

pub(crate) type Rank = (Life, (u64, u64), bool);

/// A segment, and whether its process can still write to it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) segment: Segment,
    pub(crate) life: Life,
    /// Whether it was read from a file with the name that its process gave it.
    pub(crate) has_own_name: bool,
    /// The state set that was looked at last, and which of its states holds. The states of a set
    /// are looked at one after the other, and each asks that.
    state: Cell<Option<(Set, Option<HoldingState>)>>,
}

/// The first slot of a state set, and the number of its states.
type Set = (u32, u32);

/// The state that was entered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HoldingState {
    pub(crate) slot: u32,
    /// When it was entered.
    pub(crate) when: u64,
}

impl Part {
    pub(crate) fn new(segment: Segment, life: Life) -> Self {
        Self { segment, life, has_own_name: false, state: Cell::new(None) }
    }

    /// A part that was read from a file.
    pub(crate) fn of_file(segment: Segment, life: Life, has_own_name: bool) -> Self {
        Self { has_own_name, ..Self::new(segment, life) }
    }

    /// Of several files with one instance, the greatest is read: the living one, or else the one
    /// with the newest log. Nothing but a log says which is newer, so a copy that was made since
    /// its last record is told by its name.
    pub(crate) fn rank(&self) -> Rank {
        (self.life, self.segment.log.id.age(), self.has_own_name)
    }

    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.life, Life::Running | Life::Locked)
    }

    /// Which state of a set holds; `None` if none was entered yet.
    pub(crate) fn holding_state(&self, set: Set) -> Option<HoldingState> {
        if let Some((_, holds)) = self.state.get().filter(|(known, _)| *known == set) {
            return holds;
        }
        let mut holds: Option<HoldingState> = None;
        for slot in set.0..set.0.saturating_add(set.1) {
            let when = self.segment.process_cell(slot);
            if when > holds.map_or(0, |holds| holds.when) {
                holds = Some(HoldingState { slot, when });
            }
        }
        self.state.set(Some((set, holds)));
        holds
    }
}
