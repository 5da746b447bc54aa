use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::operation::{Add, AddFloat};
use crate::sampler;
use crate::store::{self, epoch};

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

    /// Counts one if `f` returns an error, or panics.
    ///
    /// ```
    /// use headcount::{Counter, metric};
    ///
    /// /// What couldn't be parsed.
    /// #[metric(name = "unparsed_total")]
    /// static UNPARSED: Counter;
    ///
    /// assert!(UNPARSED.count_exceptions(|| "7".parse::<u8>()).is_ok());
    /// assert!(UNPARSED.count_exceptions(|| "x".parse::<u8>()).is_err());
    /// assert!(headcount::Collector::new().collect()?.to_text().contains("unparsed_total 1\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `f`.
    pub fn count_exceptions<T, E>(self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        // Counts unless it is told that all went well: so it does in a panic.
        let guard = Exception { counter: self, epoch: epoch() };
        let result = f();
        if result.is_ok() {
            core::mem::forget(guard);
        }
        result
    }

    /// Counts what `f` says, from now on: a total that something else keeps, and that only grows while the process lives.
    ///
    /// What it says more than at the last time is added. If it says less, what it counts began anew, and all of it is added. When and where it is called says
    /// [`Gauge::set_function`](crate::Gauge::set_function). A forked child counts what its function says beyond what it said there first; so
    /// does a function that takes another's place.
    pub fn set_function(self, f: impl Fn() -> u64 + Send + Sync + 'static) {
        let last = Last::new(sampler::has(self.0.key()));
        sampler::add(self.0.key(), self.0.family(), move || {
            let now = f();
            let before = last.replace(now);
            self.inc_by(if now >= before { now - before } else { now });
        });
    }
}

/// Counts one when it is dropped, in the process that made it.
struct Exception {
    counter: Counter,
    epoch: u32,
}

impl Drop for Exception {
    fn drop(&mut self) {
        if self.epoch == epoch() {
            self.counter.inc();
        }
    }
}

/// What a function said last; in a child nothing yet but what it says then, since all before is the parent's.
struct Last {
    epoch: AtomicU32,
    bits: AtomicU64,
}

impl Last {
    /// One that takes another's place counts from what it says first.
    fn new(takes_anothers_place: bool) -> Self {
        let since = epoch().wrapping_sub(u32::from(takes_anothers_place));
        Self { epoch: AtomicU32::new(since), bits: AtomicU64::new(0) }
    }

    /// A function is called once at a time: see `store::callbacks`.
    fn replace(&self, now: u64) -> u64 {
        let is_forked = self.epoch.swap(epoch(), Ordering::Relaxed) != epoch();
        let before = self.bits.swap(now, Ordering::Relaxed);
        if is_forked { now } else { before }
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

    /// Counts what `f` says, from now on: see [`Counter::set_function`](Counter#method.set_function).
    pub fn set_function(self, f: impl Fn() -> f64 + Send + Sync + 'static) {
        let last = Last::new(sampler::has(self.0.key()));
        sampler::add(self.0.key(), self.0.family(), move || {
            let now = f();
            if !now.is_finite() || now < 0.0 {
                return store::note_dropped();
            }
            let before = f64::from_bits(last.replace(now.to_bits()));
            self.inc_by(if now >= before { now - before } else { now });
        });
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
