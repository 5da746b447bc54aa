//! The source of counted cells: one segment, or several segments whose logs are equal.

use crate::model::MetricType;
use crate::model::exact_sum::ExactSum;

use super::layout::LogSeries;

/// A source of counted cells.
pub(crate) trait Counted {
    /// A cell's sum over the shards, modulo 2^64, and how many times the sum passed 2^64.
    fn sum(&self, slot: u32, offset: u32) -> (u64, u64);

    /// Adds the `f64` values that a series' cell has in all shards.
    fn add_floats(&self, series: &LogSeries, kind: MetricType, to: &mut ExactSum);

    /// The sums of consecutive cells from a slot on, if they are in memory and none has passed
    /// 2^64.
    fn plain(&self, _slot: u32, _cells: usize) -> Option<&[u64]> {
        None
    }

    /// A bucket's sum over the shards, saturated. No program counts that far, but a hostile file's
    /// count must not be smaller than its parts.
    fn bucket(&self, slot: u32, offset: u32) -> u64 {
        match self.sum(slot, offset) {
            (sum, 0) => sum,
            _ => u64::MAX,
        }
    }
}
