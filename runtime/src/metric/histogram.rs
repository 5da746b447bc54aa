use core::fmt;
use core::future::Future;

use crate::model::TraceContext;
use crate::record::native::ObserveNative;
use crate::record::operation::Observe;
use crate::store;

use super::handle::Raw;
use super::into_f64::IntoF64;
use super::timer::{TimedFuture, Timer};

/// Values sorted into buckets: sizes, durations of parts of a function.
///
/// Every process observes for itself; the collector adds up living and dead processes, bucket by
/// bucket.
///
/// Declared with `native`, it has fine buckets for values of any magnitude: see
/// [`metric`](macro@crate::metric#native-histograms).
///
/// A NaN is not observed, since it would spoil the sum for ever; it is counted as a dropped
/// operation. An infinite value is observed, as in other Prometheus clients: it is in the first
/// bucket or in the bucket of `+Inf`. From then on the sum is infinite, or NaN once both signs were
/// observed.
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
pub struct Histogram(pub(super) Raw);

impl Histogram {
    /// Adds the value to its bucket: the first one whose bound is at least the value.
    /// A [`Duration`](core::time::Duration) is observed in seconds.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "where the histogram is a constant, half of this is left out; beside both halves \
                  it would be too large, and take twice as long (seen)"
    )]
    pub fn observe(self, value: impl IntoF64) {
        let value = value.into_f64();
        if value.is_nan() {
            store::note_dropped();
            return;
        }
        match self.0.bounds() {
            [] => observe_native(self.0, value),
            bounds => self.0.apply(Observe::new(value, bounds)),
        }
    }

    /// Adds the value to its bucket, as [`observe`](Self::observe) does, and keeps it as the
    /// exemplar of the bucket, with the trace that it was part of.
    ///
    /// Each bucket has one exemplar in each process, the newest one. `OpenMetrics` and protobuf
    /// show the newest of all processes, also of one that died less than ten minutes ago. A native
    /// histogram has one for each of the classic buckets in which scrapers of text get it. The
    /// first exemplar of a series takes a lock, and 136 bytes of memory for each bucket; further
    /// ones take no lock. If another thread is writing an exemplar of this very bucket, or the
    /// context is not [valid](TraceContext::is_valid), or there is no memory, the value is observed
    /// and the exemplar is given up.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Format, Histogram, TraceContext, metric};
    ///
    /// /// Weights of parcels.
    /// #[metric(name = "parcel_grams", buckets = [500.0, 2000.0])]
    /// static WEIGHT: Histogram;
    ///
    /// WEIGHT.observe_with_exemplar(750, TraceContext::new([0x1a; 16], [0x2b; 8]));
    /// WEIGHT.observe(800);
    ///
    /// let mut page = Vec::new();
    /// headcount::Collector::new().collect()?.encode(Format::OpenMetrics, &mut page)?;
    /// let page = String::from_utf8_lossy(&page);
    /// assert!(page.contains(
    ///     "parcel_grams_bucket{le=\"500.0\"} 0\n\
    ///      parcel_grams_bucket{le=\"2000.0\"} 2 # {\
    ///      trace_id=\"1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a\",span_id=\"2b2b2b2b2b2b2b2b\"} 750.0 "
    /// ));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn observe_with_exemplar(self, value: impl IntoF64, context: TraceContext) {
        let value = value.into_f64();
        if value.is_nan() {
            store::note_dropped();
            return;
        }
        match (self.0.bounds(), self.0.schema()) {
            ([], Some(schema)) => {
                self.0.apply_with_exemplar(ObserveNative::new(value, schema), context);
            }
            (bounds, _) => self.0.apply_with_exemplar(Observe::new(value, bounds), context),
        }
    }

    /// As [`observe`](Self::observe), for a duration that a clock measured.
    #[inline]
    pub(super) fn observe_duration(self, seconds: f64) {
        match self.0.bounds() {
            [] => observe_native(self.0, seconds),
            bounds => self.0.apply(Observe::duration(seconds, bounds)),
        }
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

/// Of a histogram without bounds, which is a native one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of `observe`")]
fn observe_native(raw: Raw, value: f64) {
    if let Some(schema) = raw.schema() {
        raw.apply(ObserveNative::new(value, schema));
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Histogram", f)
    }
}
