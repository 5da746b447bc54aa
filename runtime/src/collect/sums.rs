//! The sums that a series' parts are added to, one for each kind of value. Pure, and the order of the parts doesn't matter.

use crate::descriptor::Mode;

use super::decode::{Age, Cells, LogFamily, Segment};
use super::exact::ExactSum;
use super::snapshot::{Bucket, HistogramValue, Number, Value};

/// What became of a series so far.
pub(super) enum Sum {
    Unsigned(u64),
    Float(ExactSum),
    Gauge(GaugeSum),
    Histogram(HistogramSum),
}

#[derive(Default)]
pub(super) struct GaugeSum {
    pub(super) sum: ExactSum,
    /// The value that counts where one value does, with what makes it the right one.
    one: Option<f64>,
    newest: Age,
}

#[derive(Default)]
pub(super) struct HistogramSum {
    nanos: u128,
    sum: ExactSum,
    /// Cumulative, for each of the family's bounds.
    below: Vec<u64>,
    count: u64,
}

/// A family's bounds in its unit.
pub(super) fn bounds_of(family: &LogFamily) -> Vec<f64> {
    family.bounds.iter().map(|bound| family.cells.bound(*bound)).collect()
}

pub(super) fn position(bounds: &[f64], bound: f64) -> Option<usize> {
    bounds.binary_search_by(|b| b.total_cmp(&bound)).ok()
}

impl Sum {
    pub(super) fn add_unsigned(&mut self, n: u64) {
        match self {
            Self::Unsigned(sum) => *sum = sum.wrapping_add(n),
            #[expect(clippy::cast_precision_loss, reason = "an f64 in some segment already")]
            _ => self.add_float(n as f64),
        }
    }

    pub(super) fn add_float(&mut self, n: f64) {
        if let Self::Unsigned(sum) = self {
            let mut exact = ExactSum::default();
            #[expect(clippy::cast_precision_loss, reason = "asked for")]
            exact.add(*sum as f64);
            *self = Self::Float(exact);
        }
        if let Self::Float(sum) = self {
            sum.add(n);
        }
    }

    pub(super) fn value(self, is_sum: bool, bounds: &[f64]) -> Value {
        match self {
            Self::Unsigned(n) => Value::Counter(Number::Integer(n)),
            // Never written below 0; and a counter that is would spoil the page.
            Self::Float(sum) => Value::Counter(Number::Float(sum.total().max(0.0))),
            Self::Gauge(gauge) if is_sum => Value::Gauge(gauge.sum.total()),
            Self::Gauge(gauge) => Value::Gauge(gauge.one.unwrap_or(0.0)),
            Self::Histogram(sum) => Value::Histogram(sum.value(bounds)),
        }
    }
}

impl GaugeSum {
    pub(super) fn choose(&mut self, mode: Mode, value: f64, age: Age) {
        let Some(one) = self.one else {
            self.one = Some(value);
            self.newest = age;
            return;
        };
        let replaces = match mode {
            // A NaN is less and more than nothing: it stays only where there is nothing else.
            Mode::Min | Mode::LiveMin => {
                one.is_nan() || value.total_cmp(&one).is_lt() && !value.is_nan()
            }
            Mode::Max | Mode::LiveMax => {
                one.is_nan() || value.total_cmp(&one).is_gt() && !value.is_nan()
            }
            // One pid in two segments (two pid namespaces, a pid used again): the newer.
            _ => age > self.newest,
        };
        if replaces {
            self.one = Some(value);
            self.newest = age;
        }
    }
}

impl HistogramSum {
    /// Adds a segment's histogram with bounds of its `own`.
    pub(super) fn add(
        &mut self,
        segment: &Segment,
        cells: Cells,
        own: &[f64],
        slot: u32,
        bounds: &[f64],
    ) {
        let first = if cells == Cells::Nanos {
            let (low, over) = segment.sum(slot, 0);
            let high = u128::from(segment.sum(slot, 1).0) + u128::from(over);
            self.nanos = self.nanos.wrapping_add((high << 64) | u128::from(low));
            2
        } else {
            segment.each(slot, 0).for_each(|bits| self.sum.add(f64::from_bits(bits)));
            1
        };
        self.below.resize(bounds.len(), 0);
        let mut running = 0_u64;
        for (offset, bound) in (first..).zip(own) {
            running = running.saturating_add(segment.bucket(slot, offset));
            if let Some(below) = position(bounds, *bound).and_then(|at| self.below.get_mut(at)) {
                *below = below.saturating_add(running);
            }
        }
        let infinity = u32::try_from(own.len()).unwrap_or(u32::MAX).saturating_add(first);
        running = running.saturating_add(segment.bucket(slot, infinity));
        self.count = self.count.saturating_add(running);
    }

    fn value(mut self, bounds: &[f64]) -> HistogramValue {
        self.below.resize(bounds.len(), 0);
        let buckets =
            bounds.iter().zip(&self.below).map(|(le, count)| Bucket { le: *le, count: *count });
        let last = Bucket { le: f64::INFINITY, count: self.count };
        #[expect(clippy::cast_precision_loss, reason = "rounded once")]
        if self.nanos > 0 {
            self.sum.add(self.nanos as f64 / 1e9);
        }
        HistogramValue { buckets: buckets.chain([last]).collect(), sum: self.sum.total() }
    }
}
