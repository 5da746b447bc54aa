//! Where counted cells can be read: one segment, or several whose logs are equal.

use crate::model::MetricType;
use crate::model::exact_sum::ExactSum;

use super::layout::LogSeries;

/// Where cells can be read that were counted.
pub(crate) trait Counted {
    /// A cell summed over the shards, modulo 2^64, and how often it passed it.
    fn sum(&self, slot: u32, offset: u32) -> (u64, u64);

    /// Adds what the cell of a series that holds `f64` comes to in all shards.
    fn add_floats(&self, series: &LogSeries, kind: MetricType, to: &mut ExactSum);

    /// The sums of so many cells from a slot on, if they are at hand and none has passed 2^64.
    fn plain(&self, _slot: u32, _cells: usize) -> Option<&[u64]> {
        None
    }

    /// A bucket summed over the shards. No program fills one; a hostile file's must not make the count smaller than its parts.
    fn bucket(&self, slot: u32, offset: u32) -> u64 {
        match self.sum(slot, offset) {
            (sum, 0) => sum,
            _ => u64::MAX,
        }
    }
}
