//! A segment, and whether its process is alive.

use core::cell::Cell;

use crate::reader::liveness::Life;
use crate::reader::segment::Segment;

/// A segment, and whether its process can still write to it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) segment: Segment,
    pub(crate) life: Life,
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
        Self { segment, life, state: Cell::new(None) }
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
