use core::fmt;
use core::future::Future;

use crate::record::operation::Observe;
use crate::store;

use super::handle::Raw;
use super::into_f64::IntoF64;
use super::timer::{TimedFuture, Timer};

/// The sum and the number of values: sizes, durations, wherever an average over time is enough.
///
/// A summary stores two numbers, where a [`Histogram`](crate::Histogram) stores one for each
/// bucket. It has no quantiles, because these cannot be added up over processes.
///
/// A NaN is not observed; it is counted as a dropped operation. An infinite value is observed, and
/// the sum is infinite from then on, as in other Prometheus clients.
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
    /// Adds a value to the sum and one to the count.
    /// A [`Duration`](core::time::Duration) is observed in seconds.
    #[inline]
    pub fn observe(self, value: impl IntoF64) {
        let value = value.into_f64();
        if value.is_nan() {
            store::note_dropped();
            return;
        }
        self.0.apply(Observe::new(value, &[]));
    }

    /// Returns whether the series was [removed](Self::remove) from this process. The handle then
    /// records nothing; whoever keeps handles looks the series up again.
    pub fn is_removed(self) -> bool {
        self.0.is_removed()
    }

    /// Removes the series from this process, if its family has open labels: see
    /// [`remove_matching`](crate::remove_matching). Returns whether it did; `false` also if the
    /// series was already removed.
    pub fn remove(self) -> bool {
        self.0.remove()
    }

    /// Starts a timer, which observes the seconds that have passed when it is dropped.
    ///
    /// `let _ = X.start_timer();` drops the timer at once; name it `_timer`, or use
    /// [`time`](Self::time).
    #[inline]
    pub fn start_timer(self) -> Timer<Self> {
        Timer::start(self)
    }

    /// Calls `f`, and observes the seconds that it took, also if it panics.
    #[inline]
    pub fn time<T>(self, f: impl FnOnce() -> T) -> T {
        let _timer = self.start_timer();
        f()
    }

    /// Wraps a future, and observes the seconds from its first poll until it completes, panics or
    /// is dropped.
    pub fn time_future<F: Future>(self, future: F) -> TimedFuture<F, Self> {
        TimedFuture::new(future, self)
    }
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Summary", f)
    }
}
