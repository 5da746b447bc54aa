//! The sums to which the parts of a series are added, one type for each kind of value. Pure. The
//! result does not depend on the order or the grouping of the parts, so what the archive contains
//! is a part like any other.

use crate::model::cells::{
    BLOCK, CARRIES, CellLayout, FIRST_BUCKET, FIRST_BUCKET_OF_NANOS, PLAIN_POWERS_OF_4,
    SECONDS_POWERS_OF_4,
};
use crate::model::exact_sum::ExactSum;
use crate::model::instance::Age;
use crate::model::mode::Combination;
use crate::model::native_buckets::Buckets;
use crate::model::sorted::SortedMap;
use crate::model::{Bucket, GaugeMode, HistogramValue, Number, cold_sort};
use crate::reader::counted::Counted;
use crate::reader::family::LogFamily;
use crate::reader::layout::LogSeries;
use crate::reader::segment::Segment;

/// The sum of a series so far.
#[derive(Debug, Clone)]
pub(crate) enum Sum {
    Counter(CounterSum),
    Gauge(GaugeSum),
    Histogram(HistogramSum),
}

impl Sum {
    /// The sum of no parts.
    pub(crate) fn of(layout: CellLayout) -> Self {
        match layout {
            CellLayout::Count | CellLayout::FloatCount => Self::Counter(CounterSum::default()),
            CellLayout::Gauge(_) => Self::Gauge(GaugeSum::default()),
            // A summary is a histogram that only has the last bucket.
            CellLayout::Buckets | CellLayout::NanosBuckets => {
                Self::Histogram(HistogramSum::default())
            }
            CellLayout::Native | CellLayout::NanosNative => {
                Self::Histogram(HistogramSum { native: Some(Buckets::new()), ..Default::default() })
            }
        }
    }

    pub(crate) fn add(&mut self, other: Self, mode: Option<GaugeMode>) {
        match (self, other) {
            (Self::Counter(sum), Self::Counter(other)) => sum.add(&other),
            (Self::Gauge(sum), Self::Gauge(other)) => sum.add(other, mode),
            (Self::Histogram(sum), Self::Histogram(other)) => sum.add_alike(&other),
            // All parts of a family have the same kind.
            _ => {}
        }
    }
}

/// A counter's sum: integer cells modulo 2^64, and `f64` cells exactly.
#[derive(Debug, Clone, Default)]
pub(crate) struct CounterSum {
    pub(crate) whole: u64,
    pub(crate) parts: Option<ExactSum>,
}

impl CounterSum {
    fn add(&mut self, other: &Self) {
        self.whole = self.whole.wrapping_add(other.whole);
        if let Some(parts) = &other.parts {
            self.parts.get_or_insert_with(ExactSum::default).add_sum(parts);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "both halves are exact, and rounded together")]
    pub(crate) fn value(self) -> Number {
        let Some(mut sum) = self.parts else { return Number::Integer(self.whole) };
        let low = self.whole & 0xffff_ffff;
        sum.add((self.whole - low) as f64);
        sum.add(low as f64);
        // No program writes a negative count, and a negative counter would make the page invalid.
        Number::Float(sum.total().max(0.0))
    }
}

/// A gauge's sum. Each mode uses one of the fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct GaugeSum {
    pub(crate) sum: ExactSum,
    /// For modes that show one of the values: that value, and when it was set.
    pub(crate) one: Option<(u64, f64)>,
    /// For modes in which each process has its own series: by pid.
    pub(crate) each: SortedMap<u32, Each>,
}

/// The value of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Each {
    pub(crate) age: Age,
    pub(crate) value: f64,
    pub(crate) is_alive: bool,
}

/// The most dead processes that have their own series in mode `all`: the newest ones.
pub(crate) const MOST_DEAD: usize = 64;

impl GaugeSum {
    /// Adds a value that was set. Only modes that show the most recent value use `when`.
    pub(crate) fn set(&mut self, mode: GaugeMode, when: u64, value: f64) {
        if mode.is_sum() {
            self.sum.add(value);
        } else if self.one.is_none_or(|one| replaces(mode, (when, value), one)) {
            self.one = Some((when, value));
        }
    }

    /// If two segments have one pid (two pid namespaces, or a pid that was reused), the newer one's
    /// value counts.
    pub(crate) fn set_of(&mut self, pid: u32, each: Each) {
        let known = self.each.or_insert_with(pid, || each);
        if (each.age, each.value.to_bits()) > (known.age, known.value.to_bits()) {
            *known = each;
        }
    }

    fn add(&mut self, other: Self, mode: Option<GaugeMode>) {
        self.sum.add_sum(&other.sum);
        if let (Some((when, value)), Some(mode)) = (other.one, mode) {
            self.set(mode, when, value);
        }
        for (pid, each) in other.each {
            self.set_of(pid, each);
        }
    }

    /// Passes on the values that are shown, each with its pid if the process has its own series.
    pub(crate) fn show(mut self, mode: GaugeMode, mut show: impl FnMut(Option<u32>, f64)) {
        match mode.combination() {
            Combination::Each => {
                self.keep_newest();
                self.each.iter().for_each(|(pid, each)| show(Some(*pid), each.value));
            }
            Combination::Sum => show(None, self.sum.total()),
            Combination::Least | Combination::Greatest | Combination::Latest => {
                if let Some((_, value)) = self.one {
                    show(None, value);
                }
            }
        }
    }

    /// Leaves out all dead processes but the newest. Otherwise a program that starts processes for
    /// ever would have ever more series.
    pub(crate) fn keep_newest(&mut self) {
        let mut dead: Vec<(Age, u32)> =
            self.each.iter().filter(|(_, e)| !e.is_alive).map(|(pid, e)| (e.age, *pid)).collect();
        cold_sort::sort_by(&mut dead, Ord::cmp);
        let too_many = dead.len().saturating_sub(MOST_DEAD);
        for (_, pid) in dead.into_iter().take(too_many) {
            self.each.remove(&pid);
        }
    }
}

fn replaces(mode: GaugeMode, (when, value): (u64, f64), (known_when, known): (u64, f64)) -> bool {
    // NaN is neither less nor greater than a number: it is replaced by any number. Of two NaNs the
    // greater bits win, so the order does not matter.
    let by = |is_better: bool| match (value.is_nan(), known.is_nan()) {
        (true, true) => value.to_bits() > known.to_bits(),
        (value, known) if value != known => known,
        _ => is_better,
    };
    match mode.combination() {
        Combination::Least => by(value.total_cmp(&known).is_lt()),
        Combination::Greatest => by(value.total_cmp(&known).is_gt()),
        Combination::Latest | Combination::Sum | Combination::Each => {
            (when, value.to_bits()) > (known_when, known.to_bits())
        }
    }
}

/// The sum of a histogram, or of a summary, which is a histogram without bounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistogramSum {
    pub(crate) nanos: u128,
    pub(crate) sum: ExactSum,
    /// Cumulative counts, one for each of the family's bounds.
    pub(crate) below: Vec<u64>,
    pub(crate) count: u64,
    /// The buckets of a native histogram, which has no other counts.
    pub(crate) native: Option<Buckets>,
}

/// A family's bounds in its unit: those that are shown.
pub(crate) fn bounds_of(family: &LogFamily) -> Vec<f64> {
    // Scrapers of text get a native histogram with these buckets, always the same: a bucket that
    // appears later has no history, and quantiles would jump. They are powers of 4, which are
    // bounds of buckets in every schema, so the counts are exact.
    let powers_of_4 =
        |(from, to): (i32, i32)| (from..=to).map(|n| f64::from(2 * n).exp2()).collect();
    match family.encoding.layout() {
        CellLayout::NanosNative => return powers_of_4(SECONDS_POWERS_OF_4),
        CellLayout::Native => return powers_of_4(PLAIN_POWERS_OF_4),
        CellLayout::Buckets
        | CellLayout::NanosBuckets
        | CellLayout::Count
        | CellLayout::FloatCount
        | CellLayout::Gauge(_) => {}
    }
    family.bounds.iter().map(|bits| family.bound(*bits)).collect()
}

/// Maps the bounds of a declaration to the bounds that are shown.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    /// The position of each of its bounds among those that are shown, if it is one of them.
    places: Vec<Option<usize>>,
    /// The number of bounds that are shown.
    shown: usize,
    /// Whether the declaration's bounds are those that are shown.
    pub(crate) are_shown: bool,
}

impl Bounds {
    pub(crate) fn new(own: &[f64], shown: &[f64]) -> Self {
        let places: Vec<_> = own.iter().map(|bound| position(shown, *bound)).collect();
        let are_shown = places.iter().copied().eq((0..shown.len()).map(Some));
        Self { places, shown: shown.len(), are_shown }
    }
}

pub(crate) fn position(bounds: &[f64], bound: f64) -> Option<usize> {
    bounds.binary_search_by(|b| b.total_cmp(&bound)).ok()
}

impl HistogramSum {
    /// Adds a histogram's cells.
    pub(crate) fn add_cells(
        &mut self,
        counted: &impl Counted,
        family: &LogFamily,
        series: &LogSeries,
        bounds: &Bounds,
    ) {
        let slot = series.slot;
        let first = match family.encoding.layout() {
            CellLayout::NanosBuckets => {
                self.add_nanos(counted, slot);
                FIRST_BUCKET_OF_NANOS
            }
            CellLayout::Buckets => {
                counted.add_floats(series, family.kind(), &mut self.sum);
                FIRST_BUCKET
            }
            // Their sums are no histograms.
            CellLayout::Native
            | CellLayout::NanosNative
            | CellLayout::Count
            | CellLayout::FloatCount
            | CellLayout::Gauge(_) => return,
        };
        let width = bounds.places.len() + 1;
        if let Some(buckets) = counted.plain(slot.saturating_add(first), width) {
            self.add_buckets(buckets.iter().copied(), bounds);
        } else {
            let buckets = (first..).take(width).map(|at| counted.bucket(slot, at));
            self.add_buckets(buckets, bounds);
        }
    }

    /// Adds the cells of one process's native histogram.
    pub(crate) fn add_native(&mut self, segment: &Segment, family: &LogFamily, series: &LogSeries) {
        let (slot, layout) = (series.slot, family.encoding.layout());
        let Some((least, most)) = layout.octaves() else { return };
        let head = if layout.has_carries() {
            self.add_nanos(segment, slot);
            FIRST_BUCKET_OF_NANOS
        } else {
            segment.add_floats(series, family.kind(), &mut self.sum);
            FIRST_BUCKET
        };
        let of_head = |offset: u32| segment.bucket(slot, head.saturating_add(offset));
        let per_octave = 1_i32.checked_shl(family.schema.into()).unwrap_or(1);
        let mut own = Buckets::of(i8::try_from(family.schema).unwrap_or(0), least);
        own.add_zero(of_head(0));
        // What is beyond the last bucket is shown in the one behind it.
        let beyond = most.saturating_mul(per_octave).saturating_add(1);
        own.add_at(false, beyond, of_head(1));
        own.add_at(true, beyond, of_head(2));
        own.add_unplaced(of_head(3));
        for block in segment.log.blocks.of(slot) {
            for (index, offset) in (block.first..).zip(0..BLOCK) {
                own.add_at(block.is_negative, index, segment.bucket(block.slot, offset));
            }
        }
        self.native.get_or_insert_with(Buckets::new).add(&own);
    }

    fn add_nanos(&mut self, counted: &impl Counted, slot: u32) {
        let (low, over) = counted.sum(slot, 0);
        let high = u128::from(counted.sum(slot, CARRIES).0) + u128::from(over);
        self.nanos = self.nanos.wrapping_add((high << 64) | u128::from(low));
    }

    /// Adds the counts of the buckets; the last one is +Inf's.
    fn add_buckets(&mut self, mut buckets: impl Iterator<Item = u64>, bounds: &Bounds) {
        self.below.resize(bounds.shown, 0);
        let mut running = 0_u64;
        for (place, bucket) in bounds.places.iter().zip(&mut buckets) {
            running = running.saturating_add(bucket);
            if let Some(below) = place.and_then(|place| self.below.get_mut(place)) {
                *below = below.saturating_add(running);
            }
        }
        running = buckets.fold(running, u64::saturating_add);
        self.count = self.count.saturating_add(running);
    }

    /// Adds the counts of the buckets that are shown; the last one is +Inf's.
    pub(crate) fn add_shown(&mut self, buckets: &[u64]) {
        let Some((last, buckets)) = buckets.split_last() else { return };
        self.below.resize(self.below.len().max(buckets.len()), 0);
        let mut running = 0_u64;
        for (below, bucket) in self.below.iter_mut().zip(buckets) {
            running = running.saturating_add(*bucket);
            *below = below.saturating_add(running);
        }
        self.count = self.count.saturating_add(running).saturating_add(*last);
    }

    /// Adds another sum, which has the given bounds.
    pub(crate) fn add(&mut self, other: &Self, bounds: &Bounds) {
        self.add_but_buckets(other);
        self.below.resize(bounds.shown, 0);
        for (place, more) in bounds.places.iter().zip(&other.below) {
            if let Some(below) = place.and_then(|place| self.below.get_mut(place)) {
                *below = below.saturating_add(*more);
            }
        }
    }

    /// Adds another sum that has the same bounds.
    fn add_alike(&mut self, other: &Self) {
        self.add_but_buckets(other);
        self.below.resize(self.below.len().max(other.below.len()), 0);
        for (below, more) in self.below.iter_mut().zip(&other.below) {
            *below = below.saturating_add(*more);
        }
    }

    fn add_but_buckets(&mut self, other: &Self) {
        self.nanos = self.nanos.wrapping_add(other.nanos);
        self.sum.add_sum(&other.sum);
        self.count = self.count.saturating_add(other.count);
        if let Some(native) = &other.native {
            self.native.get_or_insert_with(Buckets::new).add(native);
        }
    }

    pub(crate) fn value(mut self, bounds: &[f64]) -> HistogramValue {
        self.below.resize(bounds.len(), 0);
        if let Some(native) = &mut self.native {
            for (below, bound) in self.below.iter_mut().zip(bounds) {
                *below = below.saturating_add(native.up_to(*bound));
            }
            // What another version of the program counted in classic buckets is in no native one.
            native.add_unplaced(self.count);
            self.count = native.count();
        }
        let buckets =
            bounds.iter().zip(&self.below).map(|(le, count)| Bucket { le: *le, count: *count });
        let last = Bucket { le: f64::INFINITY, count: self.count };
        #[expect(clippy::cast_precision_loss, reason = "rounded once")]
        if self.nanos > 0 {
            self.sum.add(self.nanos as f64 / 1e9);
        }
        let native = self.native.map(Buckets::into_value);
        HistogramValue { buckets: buckets.chain([last]).collect(), sum: self.sum.total(), native }
    }
}
