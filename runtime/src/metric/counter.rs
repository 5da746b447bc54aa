use core::fmt;
use core::marker::PhantomData;

use crate::operation::{Add, AddFloat};
use crate::store;

use super::handle::Raw;

/// A number that only grows: requests, bytes, errors.
///
/// Every process counts for itself, from 0, and the collector adds up living and dead processes, so the sum never falls. It
/// is exact, and wraps at 2^64, which Prometheus takes for a restart.
///
/// `Counter<f64>` counts what doesn't come in whole numbers: seconds, joules, money. Its parts are added up without loss, in
/// whatever order.
///
/// # Examples
///
/// ```
/// use headcount::{Counter, metric};
///
/// /// Jobs taken from the queue.
/// #[metric(name = "jobs_taken_total")]
/// static TAKEN: Counter;
///
/// /// Energy that was used.
/// #[metric(name = "energy_joules_total", unit = "joules")]
/// static ENERGY: Counter<f64>;
///
/// TAKEN.inc();
/// TAKEN.inc_by(3);
/// ENERGY.inc_by(0.5);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("# HELP jobs_taken_total Jobs taken from the queue.\n"));
/// assert!(text.contains("# TYPE jobs_taken_total counter\njobs_taken_total 4\n"));
/// assert!(text.contains("energy_joules_total 0.5\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[repr(transparent)]
#[must_use = "a handle counts nothing by itself: call `inc`"]
pub struct Counter<T = u64>(pub(super) Raw, PhantomData<fn(T)>);

impl Counter {
    /// Adds one. Five instructions in an executable, no lock, no system call; the first time in a process and in a
    /// thread it sets things up. It can't fail.
    #[inline]
    pub fn inc(self) {
        self.inc_by(1);
    }

    /// Adds `n`.
    #[inline]
    pub fn inc_by(self, n: u64) {
        self.0.apply(Add(n));
    }
}

impl Counter<f64> {
    /// Adds one.
    #[inline]
    pub fn inc(self) {
        self.inc_by(1.0);
    }

    /// Adds `n`. A counter doesn't go down: what is below 0, infinite or not a number is ignored, and counted as a dropped operation
    /// ([`Health::dropped_operations`](crate::Health::dropped_operations)).
    #[inline]
    pub fn inc_by(self, n: f64) {
        if n >= 0.0 && n.is_finite() {
            self.0.apply(AddFloat(n));
        } else {
            store::note_dropped();
        }
    }
}

impl<T> Counter<T> {
    /// Removes the series from this process, if its family has open labels: see [`remove_matching`](crate::remove_matching). Says whether
    /// it did; `false` also for one that was removed already.
    pub fn remove(self) -> bool {
        self.0.remove()
    }
}

// By hand: a derive would ask for `T: Clone`.
impl<T> Clone for Counter<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Counter<T> {}

impl<T> fmt::Debug for Counter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Counter", f)
    }
}
