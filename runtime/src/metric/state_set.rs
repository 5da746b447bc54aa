use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::Ordering;

use crate::label::LabelValue;
use crate::process::steady_ns;
use crate::segment::shard;

use super::handle::Raw;

/// Which of a few states a process is in: starting, serving, draining. One series for each state, 1 for the one that holds and 0 for the
/// others.
///
/// The states are an enum's, by `derive(LabelValue)`. A process that hasn't set its state takes no part. The declaration's `mode` says
/// what several processes make, as for a [`Gauge`](crate::Gauge): with `livesum` the series are how many living processes are in each state,
/// with `liveall` each process has its own, with `mostrecent` the state that was set last is shown.
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
    /// Puts this process into a state.
    pub fn set(self, state: T) {
        let Some(last) =
            u32::try_from(T::VALUES.len()).ok().and_then(|states| states.checked_sub(1))
        else {
            return;
        };
        let Some(cells) = self.0.shared_slot(last).and_then(|slot| shard::shared(slot, last))
        else {
            return;
        };
        // The state that was entered last holds: it has the greatest stamp.
        let others = (0..=last).map(|state| cells.cell(state).load(Ordering::Relaxed)).max();
        let stamp = steady_ns().max(others.unwrap_or(0).saturating_add(1));
        if let Some(state) = u32::try_from(state.index()).ok().filter(|state| *state <= last) {
            cells.cell(state).fetch_max(stamp, Ordering::Relaxed);
        }
    }
}

impl<T> StateSet<T> {
    /// Removes the series from this process, if its family has open labels: see [`remove_matching`](crate::remove_matching). Says whether
    /// it did; `false` also for one that was removed already.
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
