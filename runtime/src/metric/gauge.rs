use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::config::ON;
use crate::model::cells::{decode, encode};
use crate::process::{epoch, now_ns, steady_ns};
use crate::segment::shard::{self, Shared};
use crate::store::sampler;

use super::handle::Raw;
use super::into_f64::IntoF64;
use super::timer::Timer;

/// A number that goes up and down: a queue's depth, a temperature.
///
/// Every process has its own value, which is unset until the process first touches it. The
/// declaration's `mode` says how the values of several processes are combined:
///
/// | mode | of living and dead | | of the living only |
/// |---|---|---|---|
/// | `sum` | all added up | `livesum` | |
/// | `min` | the least | `livemin` | |
/// | `max` | the greatest | `livemax` | |
/// | `mostrecent` | the one that was set last | `livemostrecent` | |
/// | `all` | a series for each process, with a label `pid` | `liveall` | |
///
/// An unset gauge takes no part, and in a forked child it begins unset. With `all`, the values of
/// the 64 newest dead processes are kept. All threads of a process share the value.
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

impl Gauge {
    /// Sets the value of this process.
    #[inline]
    pub fn set(self, value: impl IntoF64) {
        let value = value.into_f64();
        self.with_cell(move |cell| cell.store(encode(value), Ordering::Release));
    }

    /// Adds to the value; an unset gauge starts from 0.
    #[inline]
    pub fn add(self, n: impl IntoF64) {
        let n = n.into_f64();
        let added = move |bits| encode(decode(bits).unwrap_or(0.0) + n);
        self.with_cell(move |cell| shard::update(cell, added));
    }

    /// Subtracts from the value.
    #[inline]
    pub fn sub(self, n: impl IntoF64) {
        self.add(-n.into_f64());
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

    /// Makes the gauge unset, as if this process had never set it: the process takes no part until
    /// it sets the gauge again. The series stays.
    pub fn unset(self) {
        let behind = u32::from(self.0.is_recent());
        let Some(cells) = self.0.shared_slot(behind).and_then(|slot| shard::shared(slot, behind))
        else {
            return;
        };
        // The time first, if there is one: a reader that sees no time does not look at the value.
        cells.cell(0).store(0, Ordering::Release);
        cells.cell(behind).store(0, Ordering::Release);
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

    /// Sets the value to the current time, in seconds since 1970.
    pub fn set_to_current_time(self) {
        #[expect(clippy::cast_precision_loss, reason = "microseconds are left")]
        self.set(now_ns() as f64 / 1e9);
    }

    /// From now on takes the value from `f`. It replaces calls of [`set`](Self::set) for a value
    /// that can be read at any time.
    ///
    /// Each process calls its own functions, in a thread of its own, every
    /// [`Config::sample_interval`](crate::Config::sample_interval) (5 seconds by default). So a
    /// value that another process collects may be that old, and the calls happen whether or not
    /// anybody collects. A collection in the process itself calls the functions first. In a forked
    /// child the functions are called from the child's first operation on.
    ///
    /// `f` may take locks, so do not collect while you hold one of them. A fork waits until `f` has
    /// returned, but for no more than 50 milliseconds; if that was too short, later forks do not
    /// wait for it until `f` has been quick again. Do not fork in `f`. If `f` panics, the value
    /// stays as it was. Another call of `set_function` for the same series replaces `f`, which
    /// otherwise lives as long as the process.
    ///
    /// A function that does not return affects only its own value: after a second another thread
    /// calls the other functions, and the value stays as it was. [`health`](crate::health) and the
    /// program's logger report it ([`Health::stuck_functions`](crate::Health::stuck_functions)).
    /// The function is called again once it has returned. `set_function` waits for the first value
    /// for no more than 50 milliseconds, and a collection waits for all functions together for no
    /// more than a second.
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

    /// Adds one, and subtracts one when the returned guard is dropped, also in a panic.
    ///
    /// A guard that is dropped in a forked child does nothing there: whatever it tracks continues
    /// in the parent.
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
    pub fn track_in_progress(self) -> InProgress {
        self.inc();
        InProgress { gauge: self, epoch: epoch() }
    }

    /// Starts a timer, which sets the value to the seconds that have passed when it is dropped.
    ///
    /// `let _ = X.start_timer();` drops the timer at once; name it `_timer`, or use
    /// [`time`](Self::time).
    #[inline]
    pub fn start_timer(self) -> Timer<Self> {
        Timer::start(self)
    }

    /// Calls `f`, and sets the value to the seconds that it took, also if it panics.
    #[inline]
    pub fn time<T>(self, f: impl FnOnce() -> T) -> T {
        let _timer = self.start_timer();
        f()
    }

    /// Changes the cell that holds the value. The cells are `[value]` or `[time, value]`.
    #[inline]
    fn with_cell(self, change: impl FnOnce(&AtomicU64)) {
        let behind = u32::from(self.0.is_recent());
        // One compare, with the last of the cells. A slot that is not assigned yet is above every
        // limit.
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

/// Changes the value and then, if the mode needs it, the time. The order matters, because a reader
/// reads the time first.
#[inline]
fn set(cells: &Shared, behind: u32, change: impl FnOnce(&AtomicU64)) {
    change(cells.cell(behind));
    if behind > 0 {
        stamp(cells.cell(0));
    }
}

#[inline(never)]
fn stamp(when: &AtomicU64) {
    // The greater one: another thread may have stored its time first.
    when.fetch_max(steady_ns(), Ordering::Release);
}

/// Subtracts one from a gauge when it is dropped; see [`Gauge::track_in_progress`].
///
/// ```
/// use headcount::{Gauge, metric};
///
/// /// Uploads that run.
/// #[metric(name = "running_uploads", mode = "livesum")]
/// static RUNNING: Gauge;
///
/// let upload = RUNNING.track_in_progress();
/// assert_eq!(RUNNING.get(), Some(1.0));
/// drop(upload); // also if it panics, or if its future is dropped
/// assert_eq!(RUNNING.get(), Some(0.0));
/// ```
#[derive(Debug)]
#[must_use = "a guard that is dropped at once tracks nothing"]
pub struct InProgress {
    gauge: Gauge,
    epoch: u32,
}

impl InProgress {
    /// Ends the guard without subtracting: the work was handed over to something else that will
    /// subtract.
    pub fn discard(self) {
        core::mem::forget(self);
    }
}

impl Drop for InProgress {
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
