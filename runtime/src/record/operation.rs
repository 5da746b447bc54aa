//! One operation on several cells: in place if they are this thread's, otherwise on the slow path.
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

use crate::clock::nanos_as_seconds;
use crate::config::ON;
use crate::declare::durations;
use crate::declare::registry::{Place, Site, cells_of, has_exemplars};
use crate::label::{At, GONE};
use crate::model::cells::{CARRIES, FIRST_BUCKET, FIRST_BUCKET_OF_NANOS, durations_width};
use crate::process::relaxed;
use crate::segment::shard::{self, Cells};
use crate::store::{self, Target};

use super::exemplar::{self, Event};
use super::native;

/// An operation on the cells of a series, or of all series of a function.
pub(crate) trait Operation: Copy {
    /// The offset of the last cell that it touches. It is compared with the shard's limit for all
    /// of them.
    fn last(self) -> u32;
    /// Applies it.
    fn apply(self, cells: &(impl Cells + Copy));
    /// Passes on the events of which there may be exemplars.
    fn events(self, _each: impl FnMut(Event)) {}
}

/// Applies an operation to the cells from `slot` on. If this thread may not write them, `place`
/// returns the site to which a slot must be assigned.
#[inline(always)]
pub(crate) fn at(slot: u32, operation: impl Operation, place: impl FnOnce() -> Option<Place>) {
    if !ON {
        return;
    }
    match &shard::own(slot, operation.last()) {
        Some(cells) => operation.apply(cells),
        None => elsewhere(place(), slot, operation),
    }
}

/// Applies an operation to cells that are assigned.
#[inline(always)]
pub(crate) fn at_slot(slot: u32, operation: impl Operation) {
    at(slot, operation, || None);
}

/// Applies an operation to the cells of a series, unless the series was removed.
#[inline(always)]
pub(crate) fn at_series(series: At, operation: impl Operation) {
    at_slot(series.load(), operation);
}

/// Applies an operation to the cells of a site, which may not have any yet.
#[inline(always)]
pub(crate) fn at_site(site: &'static Site, operation: impl Operation) {
    let slot = site.load(core::sync::atomic::Ordering::Relaxed);
    at(slot, operation, || Some(Place { site, index: 0 }));
}

/// Never inlined, so that the inlined part stays a load, a compare and the operation.
#[cold]
#[inline(never)]
fn elsewhere(place: Option<Place>, slot: u32, operation: impl Operation) {
    if has_exemplars(slot) {
        if let Some(cells) = shard::own(cells_of(slot), operation.last()) {
            operation.apply(&cells);
            return exemplar::offer(cells_of(slot), operation);
        }
    }
    let (slot, target) = store::target(place, slot, operation.last());
    match target {
        Target::Own(cells) => operation.apply(&cells),
        Target::Shared(cells) => operation.apply(&cells),
        // The row was removed: it counts nowhere, which is not an error.
        Target::Nowhere if slot == GONE => return,
        Target::Nowhere => return store::note_dropped(),
    }
    if has_exemplars(slot) {
        exemplar::offer(cells_of(slot), operation);
    }
}

/// Adds to a cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Add(pub(crate) u64);

impl Operation for Add {
    #[inline(always)]
    fn last(self) -> u32 {
        0
    }

    #[inline(always)]
    fn apply(self, cells: &(impl Cells + Copy)) {
        cells.add(0, self.0);
    }

    #[expect(clippy::cast_precision_loss, reason = "an exemplar's value is an `f64`")]
    fn events(self, mut each: impl FnMut(Event)) {
        each(Event { series: 0, places: 1, place: 0, value: self.0 as f64 });
    }
}

/// Adds to a cell that holds the bits of an `f64`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddFloat(pub(crate) f64);

impl Operation for AddFloat {
    #[inline(always)]
    fn last(self) -> u32 {
        0
    }

    #[inline(always)]
    fn apply(self, cells: &(impl Cells + Copy)) {
        cells.add_f64(0, self.0);
    }

    fn events(self, mut each: impl FnMut(Event)) {
        each(Event { series: 0, places: 1, place: 0, value: self.0 });
    }
}

/// Adds one to one of several cells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddTo {
    pub(crate) which: u32,
    pub(crate) of: u32,
}

impl Operation for AddTo {
    #[inline(always)]
    fn last(self) -> u32 {
        self.of - 1
    }

    #[inline(always)]
    fn apply(self, cells: &(impl Cells + Copy)) {
        cells.add(self.which, 1);
    }

    fn events(self, mut each: impl FnMut(Event)) {
        each(Event { series: self.which, places: 1, place: 0, value: 1.0 });
    }
}

/// Adds a duration to one of several histograms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObserveNanos {
    pub(crate) nanos: u64,
    pub(crate) bounds: &'static [u64],
    pub(crate) which: u32,
    pub(crate) of: u32,
}

impl ObserveNanos {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 1,000 bounds")]
    fn width(self) -> u32 {
        durations_width(self.bounds.len() as u32)
    }
}

impl Operation for ObserveNanos {
    #[inline(always)]
    fn last(self) -> u32 {
        self.of * self.width() - 1
    }

    #[inline(always)]
    fn apply(self, cells: &(impl Cells + Copy)) {
        let bucket = bucket(self.bounds, self.nanos);
        observe_nanos(cells, self.which * self.width(), bucket, self.nanos);
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most 1,000 bounds")]
    fn events(self, mut each: impl FnMut(Event)) {
        each(Event {
            series: self.which * self.width(),
            places: self.bounds.len() as u32 + 1,
            place: bucket(self.bounds, self.nanos),
            value: nanos_as_seconds(self.nanos),
        });
    }
}

/// A bucket holds the values that are less than or equal to its bound.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "at most 1,000 bounds")]
fn bucket(bounds: &[u64], nanos: u64) -> u32 {
    match bounds.first() {
        // This branch predicts well for short calls, where the cost shows; a binary search is a
        // chain of dependent loads.
        Some(first) if nanos > *first => bounds.partition_point(|bound| *bound < nanos) as u32,
        _ => 0,
    }
}

/// The cells are `[sum, carries, bucket 0 .. bucket n]`, from `at` on.
#[inline(always)]
fn observe_nanos(cells: &impl Cells, at: u32, bucket: u32, nanos: u64) {
    if cells.add_carrying(at, nanos) {
        cells.add(at + CARRIES, 1);
    }
    cells.add(at + FIRST_BUCKET_OF_NANOS + bucket, 1);
}

/// Adds the duration of a function that is timed without a name.
#[inline(always)]
pub(crate) fn observe_function(cells: &(impl Cells + Copy), at: u32, nanos: u64) {
    // This branch predicts well for short calls, where the cost shows.
    let bucket = if nanos <= relaxed::load(durations::first()) {
        0
    } else {
        match durations::bucket_above(nanos) {
            Ok(bucket) => bucket,
            Err(schema) => return native::observe_function(*cells, at, nanos, schema),
        }
    };
    observe_nanos(cells, at, bucket, nanos);
}

/// Adds a value to a histogram: `[sum, bucket 0 .. bucket n]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observe {
    value: f64,
    /// The bucket; the bits from 32 on are the offset of the last cell. They share one word so that
    /// the operation is two words, which are passed in registers.
    places: u64,
}

impl Observe {
    /// A bucket holds the values that are less than or equal to its bound. Without bounds there is
    /// one bucket: the count of a summary.
    #[inline]
    pub(crate) fn new(value: f64, bounds: &[f64]) -> Self {
        Self::into_bucket(value, bounds.partition_point(|bound| *bound < value), bounds)
    }

    /// The same for a duration. Where the cost of observing shows, the duration is mostly below the
    /// first bound, so the branch predicts well. A search would wait for the second reading of the
    /// clock, and the next reading for the search.
    #[inline]
    pub(crate) fn duration(seconds: f64, bounds: &[f64]) -> Self {
        match bounds.first() {
            Some(first) if seconds > *first => Self::new(seconds, bounds),
            _ => Self::into_bucket(seconds, 0, bounds),
        }
    }

    #[inline]
    fn into_bucket(value: f64, bucket: usize, bounds: &[f64]) -> Self {
        Self { value, places: bucket as u64 | (bounds.len() as u64 + 1) << 32 }
    }
}

impl Operation for Observe {
    #[inline(always)]
    fn last(self) -> u32 {
        (self.places >> 32) as u32
    }

    #[inline(always)]
    fn apply(self, cells: &(impl Cells + Copy)) {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let bucket = self.places as u32;
        cells.add_f64(0, self.value);
        cells.add(FIRST_BUCKET + bucket, 1);
    }

    fn events(self, mut each: impl FnMut(Event)) {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let place = self.places as u32;
        each(Event { series: 0, places: self.last(), place, value: self.value });
    }
}
