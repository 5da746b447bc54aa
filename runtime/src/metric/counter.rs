use core::fmt;

use crate::operation::Add;

use super::handle::Raw;

/// A number that only grows: requests, bytes, errors.
///
/// Every process counts for itself, from 0, and the collector adds up living and dead processes, so the sum never falls. It
/// is exact, and wraps at 2^64, which Prometheus takes for a restart.
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
/// TAKEN.inc();
/// TAKEN.inc_by(3);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("# HELP jobs_taken_total Jobs taken from the queue.\n"));
/// assert!(text.contains("# TYPE jobs_taken_total counter\njobs_taken_total 4\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
#[must_use = "a handle counts nothing by itself: call `inc`"]
pub struct Counter(pub(super) Raw);

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

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Counter", f)
    }
}
