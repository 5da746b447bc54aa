use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::Ordering;

use crate::label::LabelValue;
use crate::process::steady_ns;
use crate::segment::shard;

use super::handle::Raw;

/// The state of a process, one of a few: starting, serving, draining. There is one series for each
/// state, with the value 1 for the current state and 0 for the others.
///
/// The states are the variants of an enum with `derive(LabelValue)`. A process that has not set its
/// state takes no part. The declaration's `mode` says how the states of several processes are
/// combined, as for a [`Gauge`](crate::Gauge). With `livesum` each series is the number of living
/// processes in that state; with `liveall` each process has its own series; with `mostrecent` the
/// state that was set last is shown.
///
/// A change of state is one store: no reader sees two states or none.
///
/// # Examples
///
/// ```
/// use headcount::{LabelValue, StateSet, metric};
///
/// #[derive(LabelValue)]
/// enum Phase { Starting, Serving, Draining }
///
/// /// What the workers do.
/// #[metric(name = "worker_phase", mode = "livesum")]
/// static PHASE: StateSet<Phase>;
///
/// PHASE.set(Phase::Starting);
/// PHASE.set(Phase::Serving);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("worker_phase{worker_phase=\"serving\"} 1\n"));
/// assert!(text.contains("worker_phase{worker_phase=\"starting\"} 0\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[repr(transparent)]
#[must_use = "a handle sets nothing by itself: call `set`"]
pub struct StateSet<T>(pub(super) Raw, PhantomData<fn(T)>);

impl<T: LabelValue> StateSet<T> {
    /// Sets the state of this process.
    pub fn set(self, state: T) {
        self.enter(state.index(), T::VALUES.len());
    }
}

/// Stands for the type of states that are known only at run time, in `StateSet<AnyState>`. No value
/// of it exists. [`dynamic::states`](crate::dynamic::states) has an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnyState {}

impl StateSet<AnyState> {
    /// Sets the state of this process by its name. Returns whether there is such a state.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{GaugeMode, dynamic};
    ///
    /// let states = ["open", "closed"];
    /// let door = dynamic::states("door_state", "The door.", GaugeMode::LiveAll, states);
    /// let door = door.register()?;
    /// assert!(door.set_by_name("closed") && !door.set_by_name("ajar"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn set_by_name(self, state: &str) -> bool {
        let states = self.0.states();
        let index = states.iter().position(|known| *known == state);
        index.is_some_and(|index| {
            self.enter(index, states.len());
            true
        })
    }
}

impl<T> StateSet<T> {
    /// Enters the state of this index.
    fn enter(self, state: usize, states: usize) {
        let Some(last) = u32::try_from(states).ok().and_then(|states| states.checked_sub(1)) else {
            return;
        };
        let Some(cells) = self.0.shared_slot(last).and_then(|slot| shard::shared(slot, last))
        else {
            return;
        };
        // The state that was entered last is the current one: it has the greatest stamp.
        let others = (0..=last).map(|state| cells.cell(state).load(Ordering::Relaxed)).max();
        let stamp = steady_ns().max(others.unwrap_or(0).saturating_add(1));
        if let Some(state) = u32::try_from(state).ok().filter(|state| *state <= last) {
            cells.cell(state).fetch_max(stamp, Ordering::Relaxed);
        }
    }

    /// Removes the series from this process, if its family has open labels: see
    /// [`remove_matching`](crate::remove_matching). Returns whether it did; `false` also if the
    /// series was already removed.
    pub fn remove(self) -> bool {
        self.0.remove()
    }
}

impl<T> Clone for StateSet<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for StateSet<T> {}

impl<T> fmt::Debug for StateSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("StateSet", f)
    }
}
