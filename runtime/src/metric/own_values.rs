//! What this process has recorded in a series: `get`, `count`, `sum`, `buckets`.
//!
//! For tests, and for decisions that a program takes by its own numbers. It reads the cells of all
//! threads, under a lock that recording does not take: some microseconds.

use core::ops::Range;

use crate::config::ON;
use crate::declare::registry::UNASSIGNED;
use crate::model::Bucket;
use crate::model::cells::{BLOCK, FIRST_BUCKET, NATIVE_HEAD, decode};
use crate::model::exact_sum::ExactSum;
use crate::store;

use super::handle::Raw;
use super::{Counter, Gauge, Histogram, Summary};

impl Counter {
    /// Returns what this process has counted in this series, in all its threads. Other processes
    /// are not included: use a [`Collector`](crate::Collector) and
    /// [`Snapshot::value`](crate::Snapshot::value) for the sum of all. In a forked child it begins
    /// at 0.
    ///
    /// Takes a lock for some microseconds; recording never waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Counter, Gauge, Histogram, metric};
    ///
    /// /// Tickets sold.
    /// #[metric(name = "tickets_total")]
    /// static TICKETS: Counter;
    /// /// Seats that are free.
    /// #[metric(name = "free_seats", mode = "livesum")]
    /// static FREE: Gauge;
    /// /// Prices of tickets.
    /// #[metric(name = "ticket_price", buckets = [10.0, 100.0])]
    /// static PRICE: Histogram;
    ///
    /// assert_eq!((TICKETS.get(), FREE.get(), PRICE.count()), (0, None, 0));
    /// TICKETS.inc_by(3);
    /// FREE.set(7);
    /// PRICE.observe(12.5);
    /// PRICE.observe(30);
    /// assert_eq!((TICKETS.get(), FREE.get()), (3, Some(7.0)));
    /// assert_eq!((PRICE.count(), PRICE.sum()), (2, 42.5));
    /// ```
    pub fn get(self) -> u64 {
        integers(&cells(self.0, 0..1))
    }
}

impl Counter<f64> {
    /// Returns what this process has counted in this series: see
    /// [`Counter::get`](Counter#method.get). The sum is exact, and rounded once.
    pub fn get(self) -> f64 {
        floats(&cells(self.0, 0..1))
    }
}

impl Gauge {
    /// Returns the value of this process, or `None` while it is unset: see
    /// [`Counter::get`](Counter#method.get).
    pub fn get(self) -> Option<f64> {
        let behind = u32::from(self.0.is_recent());
        decode(*cells(self.0, behind..behind + 1).first()?)
    }
}

impl Histogram {
    /// Returns how many values this process has observed in this series: see
    /// [`Counter::get`](Counter#method.get).
    pub fn count(self) -> u64 {
        if self.0.schema().is_some() {
            let head = integers(&cells(self.0, FIRST_BUCKET..FIRST_BUCKET + NATIVE_HEAD));
            let blocks = store::native_blocks(self.0.cells_slot());
            let cells = |slot| store::own_cells(slot..slot + BLOCK).unwrap_or_default();
            return blocks
                .into_iter()
                .map(|slot| integers(&cells(slot)))
                .fold(head, u64::wrapping_add);
        }
        let buckets = u32::try_from(self.0.bounds().len()).unwrap_or(0) + 1;
        integers(&cells(self.0, FIRST_BUCKET..FIRST_BUCKET + buckets))
    }

    /// Returns the sum of the values that this process has observed in this series: see
    /// [`Counter::get`](Counter#method.get).
    pub fn sum(self) -> f64 {
        floats(&cells(self.0, 0..1))
    }

    /// Returns the buckets of this process, cumulative, as
    /// [`HistogramValue::buckets`](crate::HistogramValue::buckets) has them: see
    /// [`Counter::get`](Counter#method.get). Of a native histogram, it returns the last one, whose
    /// bound is +Inf.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::dynamic;
    ///
    /// let sizes = dynamic::histogram("parcel_kilograms", "Weights.").buckets([1.0, 10.0]);
    /// let sizes = sizes.register()?;
    /// sizes.observe(0.5);
    /// sizes.observe(5);
    /// sizes.observe(50);
    /// let counts: Vec<u64> = sizes.buckets().iter().map(|bucket| bucket.count).collect();
    /// assert_eq!(counts, [1, 2, 3]);
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn buckets(self) -> Vec<Bucket> {
        if self.0.schema().is_some() {
            return vec![Bucket { le: f64::INFINITY, count: self.count() }];
        }
        let bounds = self.0.bounds().iter().copied().chain([f64::INFINITY]);
        let mut count = 0_u64;
        // A thread's shard may have the first buckets and not the last, so each is asked for by
        // itself.
        (FIRST_BUCKET..)
            .zip(bounds)
            .map(|(offset, le)| {
                count = count.wrapping_add(integers(&cells(self.0, offset..offset + 1)));
                Bucket { le, count }
            })
            .collect()
    }
}

impl Summary {
    /// Returns how many values this process has observed in this series: see
    /// [`Counter::get`](Counter#method.get).
    pub fn count(self) -> u64 {
        integers(&cells(self.0, FIRST_BUCKET..FIRST_BUCKET + 1))
    }

    /// Returns the sum of the values that this process has observed in this series: see
    /// [`Counter::get`](Counter#method.get).
    pub fn sum(self) -> f64 {
        floats(&cells(self.0, 0..1))
    }
}

/// These cells of a series, each in all shards: see [`store::own_cells`].
fn cells(raw: Raw, offsets: Range<u32>) -> Vec<u64> {
    let slot = raw.cells_slot();
    if !ON || slot >= UNASSIGNED {
        return Vec::new();
    }
    store::own_cells(slot + offsets.start..slot + offsets.end).unwrap_or_default()
}

fn integers(cells: &[u64]) -> u64 {
    cells.iter().copied().fold(0, u64::wrapping_add)
}

fn floats(cells: &[u64]) -> f64 {
    let mut sum = ExactSum::default();
    for bits in cells {
        sum.add(f64::from_bits(*bits));
    }
    sum.total()
}
