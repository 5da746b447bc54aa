use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::operation::ON;
use crate::process::{now_ns, steady_ns};
use crate::sampler;
use crate::segment::format::UNSET;
use crate::segment::shard::{self, Shared};
use crate::store::epoch;

use super::handle::Raw;
use super::timer::Timer;

/// A number that goes up and down: a queue's depth, a temperature.
///
/// Every process has a value of its own, unset until it is first touched, and the declaration's `mode` says what several make:
///
/// | mode | of living and dead | | of the living only |
/// |---|---|---|---|
/// | `sum` | all added up | `livesum` | |
/// | `min` | the least | `livemin` | |
/// | `max` | the greatest | `livemax` | |
/// | `mostrecent` | the one that was set last | `livemostrecent` | |
/// | `all` | a series for each process, with a label `pid` | `liveall` | |
///
/// An unset gauge takes no part. In a forked child it is unset. Of dead processes' `all`, the 64 newest are kept.
///
/// All threads of a process share the value.
///
/// # Examples
///
/// ```
/// use headcount::{Gauge, metric};
///
/// /// Jobs waiting.
/// #[metric(name = "queue_depth", mode = "livesum")]
/// static DEPTH: Gauge;
///
/// DEPTH.set(4.5);
/// DEPTH.dec();
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("# TYPE queue_depth gauge\nqueue_depth 3.5\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
#[must_use = "a handle sets nothing by itself: call `set`"]
pub struct Gauge(pub(super) Raw);

/// A value as its cell holds it: no bits at all are a gauge that was never set.
#[inline]
fn encode(value: f64) -> u64 {
    // A NaN that happens to have the mark's bits would read as unset; any other NaN does as well.
    let bits = if value.to_bits() == UNSET { f64::NAN.to_bits() } else { value.to_bits() };
    bits ^ UNSET
}

#[inline]
pub(crate) fn decode(cell: u64) -> Option<f64> {
    (cell != 0).then(|| f64::from_bits(cell ^ UNSET))
}

impl Gauge {
    /// Sets the value of this process.
    #[inline]
    pub fn set(self, value: f64) {
        self.with_cell(move |cell| cell.store(encode(value), Ordering::Release));
    }

    /// Adds to the value; an unset gauge starts from 0.
    #[inline]
    pub fn add(self, n: f64) {
        let added = move |bits| encode(decode(bits).unwrap_or(0.0) + n);
        self.with_cell(move |cell| shard::update(cell, added));
    }

    /// Subtracts from the value.
    #[inline]
    pub fn sub(self, n: f64) {
        self.add(-n);
    }

    /// Adds one.
    #[inline]
    pub fn inc(self) {
        self.add(1.0);
    }

    /// Subtracts one.
    #[inline]
    pub fn dec(self) {
        self.add(-1.0);
    }

    /// Makes it as if this process had never set it: it takes no part any more, until it is set again. The series stays.
    pub fn unset(self) {
        let behind = u32::from(self.0.is_recent());
        let Some(cells) = self.0.shared_slot(behind).and_then(|slot| shard::shared(slot, behind))
        else {
            return;
        };
        // The time first, where there is one: a reader that sees no time asks for no value.
        cells.cell(0).store(0, Ordering::Release);
        cells.cell(behind).store(0, Ordering::Release);
    }

    /// Removes the series from this process, if its family has open labels: see [`remove_matching`](crate::remove_matching). Says whether
    /// it did; `false` also for one that was removed already.
    pub fn remove(self) -> bool {
        self.0.remove()
    }

    /// Sets the value to the seconds since 1970.
    pub fn set_to_current_time(self) {
        #[expect(clippy::cast_precision_loss, reason = "microseconds are left")]
        self.set(now_ns() as f64 / 1e9);
    }

    /// Makes the value what `f` says, from now on: in place of calls of [`set`](Self::set), for what can be asked but doesn't report.
    ///
    /// Each process calls its own functions, in a thread of its own, every [`Config::sample_interval`](crate::Config::sample_interval), 5 seconds
    /// unless told otherwise: so old a value may be that another process collects, and that is what it costs while nobody does. A collection in the process
    /// itself calls them first. In a forked child the functions are called from its first operation on.
    ///
    /// The function may take locks (so don't collect while holding one of them): a fork waits until
    /// it has returned, though for
    /// no more than 50 milliseconds, and if that was too short not again until the function was
    /// quick once more. Don't fork in
    /// it. If it panics, the value stays as it was. Another call for the same series replaces it;
    /// it lives as long as the
    /// process.
    ///
    /// A function that doesn't return hurts nobody but itself: after a second the others are called
    /// by another thread, its
    /// value stays as it was, and [`health`](crate::health) and the program's logger are told
    /// ([`Health::stuck_functions`](crate::Health::stuck_functions)). It is called again once it
    /// has returned. This method
    /// waits for the first value for no more than 50 milliseconds, and a collection for all
    /// functions together for no more
    /// than a second.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use headcount::{Gauge, metric};
    ///
    /// static CONNECTIONS: AtomicU32 = AtomicU32::new(3);
    ///
    /// /// Open connections.
    /// #[metric(name = "open_connections", mode = "livesum")]
    /// static OPEN: Gauge;
    ///
    /// OPEN.set_function(|| f64::from(CONNECTIONS.load(Ordering::Relaxed)));
    /// CONNECTIONS.store(4, Ordering::Relaxed);
    /// assert!(headcount::Collector::new().collect()?.to_text().contains("open_connections 4\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn set_function(self, f: impl Fn() -> f64 + Send + Sync + 'static) {
        sampler::add(self.0.key(), self.0.family(), move || self.set(f()));
    }

    /// Adds one, until the guard is dropped: then it subtracts one, also in a panic.
    ///
    /// A guard that is dropped in a forked child does nothing there: what it stands for goes on in the parent.
    ///
    /// ```
    /// use headcount::{Gauge, metric};
    ///
    /// /// Requests in progress.
    /// #[metric(name = "requests_in_progress", mode = "livesum")]
    /// static IN_PROGRESS: Gauge;
    ///
    /// let text = || headcount::Collector::new().collect().map(|snapshot| snapshot.to_text());
    /// let guard = IN_PROGRESS.track_in_progress();
    /// assert!(text()?.contains("requests_in_progress 1\n"));
    /// drop(guard);
    /// assert!(text()?.contains("requests_in_progress 0\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn track_in_progress(self) -> TrackInProgress {
        self.inc();
        TrackInProgress { gauge: self, epoch: epoch() }
    }

    /// Sets the value to the seconds until the timer is dropped.
    ///
    /// `let _ = X.start_timer();` drops it at once; name it `_timer`, or use [`time`](Self::time).
    #[inline]
    pub fn start_timer(self) -> Timer<Self> {
        Timer::start(self)
    }

    /// Sets the value to the seconds that `f` takes, also when it panics.
    #[inline]
    pub fn time<T>(self, f: impl FnOnce() -> T) -> T {
        let _timer = self.start_timer();
        f()
    }

    /// Changes the cell that holds the value, of `[value]` or of `[time, value]`.
    #[inline]
    fn with_cell(self, change: impl FnOnce(&AtomicU64)) {
        let behind = u32::from(self.0.is_recent());
        // One compare, of the last of the cells. Where there is no slot yet, it is above every limit.
        match shard::shared(self.0.slot(), behind) {
            Some(cells) if ON => set(&cells, behind, change),
            _ => self.with_cell_cold(behind, change),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_cell_cold(self, behind: u32, change: impl FnOnce(&AtomicU64)) {
        if let Some(slot) = self.0.shared_slot(behind) {
            if let Some(cells) = shard::shared(slot, behind) {
                set(&cells, behind, change);
            }
        }
    }
}

/// Changes the value, and where it matters says that this was just now. Behind the value: a reader asks for the time first.
#[inline]
fn set(cells: &Shared, behind: u32, change: impl FnOnce(&AtomicU64)) {
    change(cells.cell(behind));
    if behind > 0 {
        stamp(cells.cell(0));
    }
}

#[inline(never)]
fn stamp(when: &AtomicU64) {
    // The greater: another thread may have been quicker.
    when.fetch_max(steady_ns(), Ordering::Release);
}

/// Subtracts one from a gauge when it is dropped; see [`Gauge::track_in_progress`].
#[derive(Debug)]
#[must_use = "a guard that is dropped at once tracks nothing"]
pub struct TrackInProgress {
    gauge: Gauge,
    epoch: u32,
}

impl TrackInProgress {
    /// Ends without subtracting: what is in progress was handed to something else, which will.
    pub fn discard(self) {
        core::mem::forget(self);
    }
}

impl Drop for TrackInProgress {
    fn drop(&mut self) {
        if self.epoch == epoch() {
            self.gauge.dec();
        }
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Gauge", f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_and_none_reads_as_unset() {
        for value in [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
            assert_eq!(decode(encode(value)).map(f64::to_bits), Some(value.to_bits()));
        }
        assert!(decode(encode(f64::NAN)).is_some_and(f64::is_nan));
        assert!(decode(encode(f64::from_bits(UNSET))).is_some_and(f64::is_nan));
        assert_eq!(decode(0), None);
    }
}
