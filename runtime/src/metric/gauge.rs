use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::operation::ON;
use crate::segment::format::UNSET;
use crate::segment::shard;
use crate::store;

use super::handle::Raw;

/// A number that goes up and down: a queue's depth, a temperature.
///
/// Every process has a value of its own, unset until it is first touched, and the declaration's `mode` says what several make: `sum`, `min`,
/// `max`, `all` (a series for each, with a label `pid`), or the same of living processes only: `livesum`, `livemin`, `livemax`,
/// `liveall`. An unset gauge takes no part. In a forked child it is unset.
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
fn encode(value: f64) -> u64 {
    // A NaN that happens to have the mark's bits would read as unset; any other NaN does as well.
    let bits = if value.to_bits() == UNSET { f64::NAN.to_bits() } else { value.to_bits() };
    bits ^ UNSET
}

pub(crate) fn decode(cell: u64) -> Option<f64> {
    (cell != 0).then(|| f64::from_bits(cell ^ UNSET))
}

impl Gauge {
    /// Sets the value of this process.
    #[inline]
    pub fn set(self, value: f64) {
        if let Some(cell) = self.cell() {
            cell.store(encode(value), Ordering::Relaxed);
        }
    }

    /// Adds to the value; an unset gauge starts from 0.
    #[inline]
    pub fn add(self, n: f64) {
        if let Some(cell) = self.cell() {
            shard::update(cell, |bits| encode(decode(bits).unwrap_or(0.0) + n));
        }
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

    #[inline]
    fn cell(self) -> Option<&'static AtomicU64> {
        if !ON {
            return None;
        }
        shard::shared_cell(self.0.slot()).or_else(|| self.cell_cold())
    }

    #[cold]
    #[inline(never)]
    fn cell_cold(self) -> Option<&'static AtomicU64> {
        // For its side effect: a segment, and a slot. It may give this thread a shard as well, which it will need.
        let (slot, _) = store::target(self.0.own_site(), self.0.slot(), 0);
        shard::shared_cell(slot)
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
