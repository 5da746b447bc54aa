use core::fmt;

use crate::clock;
use crate::operation::{Observe, at_site};
use crate::store::{self, epoch};

use super::handle::Raw;

/// Values sorted into buckets: sizes, durations of parts of a function.
///
/// Every process observes for itself; the collector adds up living and dead processes, bucket by bucket. A NaN is not observed,
/// since it would spoil the sum for ever.
///
/// # Examples
///
/// ```
/// use headcount::{Histogram, metric};
///
/// /// Sizes of what was sent.
/// #[metric(name = "sent_bytes", buckets = [100.0, 1000.0])]
/// static SENT: Histogram;
///
/// SENT.observe(250.0);
/// SENT.observe(1000.0);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains(
///     "# TYPE sent_bytes histogram\n\
///      sent_bytes_bucket{le=\"100.0\"} 0\n\
///      sent_bytes_bucket{le=\"1000.0\"} 2\n\
///      sent_bytes_bucket{le=\"+Inf\"} 2\n\
///      sent_bytes_sum 1250\n\
///      sent_bytes_count 2\n"
/// ));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
#[must_use = "a handle observes nothing by itself: call `observe`"]
pub struct Histogram(Raw);

impl Histogram {
    /// Puts a value into its bucket: the first whose bound is at least the value.
    #[inline]
    pub fn observe(self, value: f64) {
        if value.is_nan() {
            store::note_dropped();
            return;
        }
        let bounds = self.0.bounds();
        #[expect(clippy::cast_possible_truncation, reason = "at most 1,000 bounds")]
        let (last, bucket) =
            (bounds.len() as u32 + 1, bounds.partition_point(|bound| *bound < value) as u32);
        at_site(self.0.site, Observe { value, bucket, last });
    }

    /// Observes the seconds until the timer is dropped.
    ///
    /// `let _ = X.start_timer();` drops it at once; name it `_timer`, or use [`time`](Self::time).
    pub fn start_timer(self) -> Timer {
        Timer { histogram: self, epoch: epoch(), start: clock::now() }
    }

    /// Observes the seconds that `f` takes, also when it panics.
    pub fn time<T>(self, f: impl FnOnce() -> T) -> T {
        let _timer = self.start_timer();
        f()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Histogram", f)
    }
}

/// Observes when it is dropped; see [`Histogram::start_timer`]. A timer that was started before a fork observes in the
/// parent only.
#[derive(Debug)]
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct Timer {
    histogram: Histogram,
    epoch: u32,
    start: clock::Moment,
}

impl Timer {
    /// Ends without observing.
    pub fn discard(self) {
        core::mem::forget(self);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if self.epoch == epoch() {
            #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
            self.histogram.observe(self.start.elapsed_nanos() as f64 / 1e9);
        }
    }
}
