use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::model::TraceContext;
use crate::process::epoch;
use crate::record::operation::{Add, AddFloat};
use crate::segment::shard;
use crate::store::{self, sampler};

use super::handle::Raw;

/// A number that only grows: requests, bytes, errors.
///
/// Every process counts for itself, from 0. The collector adds up living and dead processes, so the
/// sum never falls. It is exact, and wraps at 2^64, which Prometheus treats as a restart.
///
/// `Counter<f64>` counts quantities that are not whole numbers: seconds, joules, money. Its sum
/// over threads and processes is exact, whatever the order, and is rounded once.
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
    /// Adds one. Takes six instructions in an executable, no lock and no system call; the first
    /// call in a process and in a thread sets things up. It cannot fail, block or panic.
    #[inline]
    pub fn inc(self) {
        self.inc_by(1);
    }

    /// Adds `n`.
    #[inline]
    pub fn inc_by(self, n: u64) {
        self.0.apply(Add(n));
    }

    /// Adds one, and keeps that as an exemplar: see
    /// [`inc_by_with_exemplar`](Self::inc_by_with_exemplar).
    pub fn inc_with_exemplar(self, context: TraceContext) {
        self.inc_by_with_exemplar(1, context);
    }

    /// Adds `n`, and keeps that as the exemplar of this counter, with the trace that it was part
    /// of.
    ///
    /// A counter has one exemplar in each process, the newest one. `OpenMetrics` and protobuf show
    /// the newest of all processes, also of one that died less than ten minutes ago. The first
    /// exemplar of a series takes a lock and 136 bytes of memory, further ones take no lock. If
    /// another thread is writing an exemplar of this very counter, or the context is not
    /// [valid](TraceContext::is_valid), or there is no memory, `n` is counted and the exemplar is
    /// given up.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Counter, TraceContext, metric};
    ///
    /// /// Letters franked.
    /// #[metric(name = "letters_franked_total")]
    /// static FRANKED: Counter;
    ///
    /// let context = TraceContext::new([1; 16], [2; 8]);
    /// FRANKED.inc_by_with_exemplar(3, context);
    /// FRANKED.inc();
    /// assert_eq!(FRANKED.get(), 4);
    ///
    /// let snapshot = headcount::Collector::new().names(["letters_franked_total"]).collect()?;
    /// let exemplar = snapshot.families()[0].series[0].exemplars[0];
    /// assert_eq!((exemplar.value, exemplar.context), (3.0, context));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[doc(alias = "add_with_exemplar")]
    pub fn inc_by_with_exemplar(self, n: u64, context: TraceContext) {
        self.0.apply_with_exemplar(Add(n), context);
    }

    /// Calls `f`, and adds one if it returns an error or panics.
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
    /// Returns the error that `f` returns.
    pub fn count_exceptions<T, E>(self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        // Counts unless it is forgotten below, so it also counts when `f` panics.
        let guard = Exception { counter: self, epoch: epoch() };
        let result = f();
        if result.is_ok() {
            core::mem::forget(guard);
        }
        result
    }

    /// An alias of [`count_exceptions`](Self::count_exceptions).
    ///
    /// # Errors
    ///
    /// Returns the error that `f` returns.
    #[inline]
    pub fn count_errors<T, E>(self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.count_exceptions(f)
    }

    /// Raises this process's count to `n`; does nothing if it is greater already.
    ///
    /// This is for a total that something else keeps in this process, such as a library's own
    /// statistics. It takes a lock. In a forked child the count begins at 0.
    ///
    /// ```
    /// use headcount::{Counter, metric};
    ///
    /// /// Bytes that the codec has read.
    /// #[metric(name = "codec_read_bytes_total")]
    /// static READ: Counter;
    ///
    /// READ.raise_to(512);
    /// READ.raise_to(100);
    /// let text = headcount::Collector::new().collect()?.to_text();
    /// assert!(text.contains("codec_read_bytes_total 512\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn raise_to(self, n: u64) {
        let slot = self.0.shared_slot(0);
        let Some(cells) = slot.and_then(|slot| shard::shared(slot, 0)) else {
            return;
        };
        // What threads have in their own shards stays there.
        let slot = self.0.cells_slot();
        match store::own_cells(slot..slot.saturating_add(1)) {
            Some(own) => {
                let others = own.into_iter().skip(1).fold(0, u64::wrapping_add);
                cells.cell(0).fetch_max(n.saturating_sub(others), Ordering::Relaxed);
            }
            None => store::note_dropped(),
        }
    }

    /// From now on takes the counter's increase from `f`, which returns a total that something else
    /// keeps and that only grows while the process lives.
    ///
    /// The increase since the last call is added. If the value is smaller, the source is taken to
    /// have restarted, and all of it is added. [`Gauge::set_function`](crate::Gauge::set_function)
    /// describes when and where `f` is called. In a forked child, and if `f` replaces another
    /// function, the first value is only the starting point: what `f` returns beyond it is counted.
    pub fn set_function(self, f: impl Fn() -> u64 + Send + Sync + 'static) {
        let last = Last::new(sampler::has(self.0.key()));
        sampler::add(self.0.key(), self.0.family(), move || {
            let now = f();
            let before = last.replace(now);
            self.inc_by(if now >= before { now - before } else { now });
        });
    }
}

/// Adds one when it is dropped, but only in the process that created it.
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

/// The last value of a function. In a forked child there is none before the function's first call
/// there, since all earlier increases are the parent's.
struct Last {
    epoch: AtomicU32,
    bits: AtomicU64,
}

impl Last {
    /// A function that replaces another counts from its own first value.
    fn new(takes_anothers_place: bool) -> Self {
        let since = epoch().wrapping_sub(u32::from(takes_anothers_place));
        Self { epoch: AtomicU32::new(since), bits: AtomicU64::new(0) }
    }

    /// No two calls of one function overlap: see `store::callbacks`.
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

    /// Adds `n`. A counter cannot decrease: a value that is negative, infinite or not a number is
    /// ignored, and counted as a dropped operation
    /// ([`Health::dropped_operations`](crate::Health::dropped_operations)).
    #[inline]
    pub fn inc_by(self, n: f64) {
        if n >= 0.0 && n.is_finite() {
            self.0.apply(AddFloat(n));
        } else {
            store::note_dropped();
        }
    }

    /// Adds one, and keeps that as an exemplar: see
    /// [`Counter::inc_by_with_exemplar`](Counter#method.inc_by_with_exemplar).
    pub fn inc_with_exemplar(self, context: TraceContext) {
        self.inc_by_with_exemplar(1.0, context);
    }

    /// Adds `n`, as [`inc_by`](Self::inc_by) does, and keeps that as an exemplar: see
    /// [`Counter::inc_by_with_exemplar`](Counter#method.inc_by_with_exemplar).
    #[doc(alias = "add_with_exemplar")]
    pub fn inc_by_with_exemplar(self, n: f64, context: TraceContext) {
        if n >= 0.0 && n.is_finite() {
            self.0.apply_with_exemplar(AddFloat(n), context);
        } else {
            store::note_dropped();
        }
    }

    /// From now on takes the counter's increase from `f`: see
    /// [`Counter::set_function`](Counter#method.set_function). A value that is negative, infinite
    /// or not a number is ignored, and counted as a dropped operation.
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
    /// Returns whether the series was [removed](Self::remove) from this process. The handle then
    /// counts nothing; whoever keeps handles looks the series up again.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Counter, metric};
    ///
    /// /// Guests by name.
    /// #[metric(name = "guests_total")]
    /// fn guests(name: &str) -> Counter;
    ///
    /// let kept = guests("Ada");
    /// kept.inc();
    /// assert!(!kept.is_removed());
    /// assert!(kept.remove() && kept.is_removed());
    /// assert!(!guests("Ada").is_removed());
    /// ```
    pub fn is_removed(self) -> bool {
        self.0.is_removed()
    }

    /// Removes the series from this process, if its family has open labels: see
    /// [`remove_matching`](crate::remove_matching). Returns whether it did; `false` also if the
    /// series was already removed.
    pub fn remove(self) -> bool {
        self.0.remove()
    }
}

// By hand: a derive would require `T: Clone`.
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
