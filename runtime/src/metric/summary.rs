use core::fmt;
use core::future::Future;

use crate::operation::Observe;
use crate::store;

use super::handle::Raw;
use super::timer::{TimedFuture, Timer};

/// The sum and the number of values: sizes, durations, wherever an average over time is enough.
///
/// Three numbers where a [`Histogram`](crate::Histogram) has one for each bucket, and no quantiles: what can be added up over processes is what it has.
/// A NaN is not observed. An infinite value is, and the sum is infinite from then on, as with other
/// Prometheus clients.
///
/// # Examples
///
/// ```
/// use headcount::{Summary, metric};
///
/// /// Sizes of what was received.
/// #[metric(name = "received_bytes")]
/// static RECEIVED: Summary;
///
/// RECEIVED.observe(250.0);
/// RECEIVED.observe(1000.0);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains(
///     "# TYPE received_bytes summary\nreceived_bytes_sum 1250\nreceived_bytes_count 2\n"
/// ));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
#[must_use = "a handle observes nothing by itself: call `observe`"]
pub struct Summary(pub(super) Raw);

impl Summary {
    /// Adds a value.
    #[inline]
    pub fn observe(self, value: f64) {
        if value.is_nan() {
            store::note_dropped();
            return;
        }
        self.0.apply(Observe::new(value, &[]));
    }

    /// Removes the series from this process, if its family has open labels: see [`remove_matching`](crate::remove_matching). Says whether
    /// it did; `false` also for one that was removed already.
    pub fn remove(self) -> bool {
        self.0.remove()
    }

    /// Observes the seconds until the timer is dropped.
    ///
    /// `let _ = X.start_timer();` drops it at once; name it `_timer`, or use [`time`](Self::time).
    #[inline]
    pub fn start_timer(self) -> Timer<Self> {
        Timer::start(self)
    }

    /// Observes the seconds that `f` takes, also when it panics.
    #[inline]
    pub fn time<T>(self, f: impl FnOnce() -> T) -> T {
        let _timer = self.start_timer();
        f()
    }

    /// Observes the seconds from a future's first poll to its end, whether it completes, panics or is dropped before.
    pub fn time_future<F: Future>(self, future: F) -> TimedFuture<F, Self> {
        TimedFuture::new(future, self)
    }
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Summary", f)
    }
}
