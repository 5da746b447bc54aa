//! The sums of a batch's counters or histograms, as columns of numbers.
//!
//! Nearly all parts of a scrape are of one shape: those of a process that has removed none of its
//! series, and has the family's bounds. Their cells are added here, place by place, without a look
//! at the log: an entry of the plan names the cells. What was added becomes a part of the series'
//! spans when the batch is done. Adding each part to its span instead waits for memory: for the
//! series in the log, for the span, and for the buckets behind it. A scrape of 100 living
//! processes with 3,800 series each, in as many orders, took 25 ms so, and takes 12. Pure.

use crate::model::cells::{CARRIES, CellLayout, FIRST_BUCKET, FIRST_BUCKET_OF_NANOS};
use crate::model::exact_sum::ExactSum;
use crate::model::{GaugeMode, MetricType};
use crate::reader::segment::ENDLESS;

use super::plan::Entry;
use super::spans::Spans;
use super::sums::Sum;
use super::totals::{EqualLogs, PlainSums};

/// The columns of one family.
pub(crate) struct Columns {
    kind: MetricType,
    /// The number of cells that are added up for each place: one count, or those of all buckets.
    width: usize,
    heads: Vec<Head>,
    /// `width` sums for each place. Those of buckets are saturated, and not cumulative.
    counts: Vec<u64>,
    /// For each place of a family of histograms.
    sums: Vec<Totals>,
}

/// The sum of nanoseconds consists of a word, and the word of its carries behind it.
const WORDS_OF_NANOS: usize = CARRIES as usize + 1;

#[derive(Debug, Clone, Copy, Default)]
struct Head {
    is_there: bool,
    since: u64,
}

/// The sum of observed values.
#[derive(Debug, Clone, Default)]
struct Totals {
    nanos: u128,
    floats: ExactSum,
}

impl Columns {
    /// For a family of this kind, with this number of bounds.
    pub(crate) fn new(kind: MetricType, bounds: usize) -> Self {
        let width = if kind == MetricType::Counter { 1 } else { bounds.saturating_add(1) };
        Self { kind, width, heads: Vec::new(), counts: Vec::new(), sums: Vec::new() }
    }

    /// Empty columns for so many places.
    pub(crate) fn begin(&mut self, places: usize) {
        self.heads.clear();
        self.heads.resize(places, Head::default());
        self.counts.clear();
        self.counts.resize(places.saturating_mul(self.width), 0);
        if self.kind != MetricType::Counter {
            self.sums.clear();
            self.sums.resize_with(places, Totals::default);
        }
    }

    /// Adds a log's part of these series, if it has the shape for it. The family's bounds are
    /// those of the log.
    pub(crate) fn add(
        &mut self,
        layout: CellLayout,
        log: &EqualLogs<'_>,
        entries: &[Entry],
    ) -> bool {
        let Some(plain) = log.plain_sums() else { return false };
        let kind = self.kind;
        match (layout, kind) {
            (CellLayout::Count, MetricType::Counter) => self.add_counts(&plain, entries),
            (CellLayout::Buckets, MetricType::Histogram | MetricType::Summary) => {
                self.add_buckets(&plain, FIRST_BUCKET, entries, |totals, entry| {
                    log.add_floats_of(entry.slot, entry.series, kind, &mut totals.floats);
                });
            }
            (CellLayout::NanosBuckets, MetricType::Histogram | MetricType::Summary) => {
                self.add_buckets(&plain, FIRST_BUCKET_OF_NANOS, entries, |totals, entry| {
                    plain.each(entry.slot, WORDS_OF_NANOS, |skipped, cells| {
                        for (word, cell) in (skipped..).zip(cells) {
                            let high = if word == 0 { 0 } else { 64 };
                            totals.nanos = totals.nanos.wrapping_add(u128::from(*cell) << high);
                        }
                    });
                });
            }
            _ => return false,
        }
        true
    }

    fn add_counts(&mut self, plain: &PlainSums<'_>, entries: &[Entry]) {
        for entry in entries {
            let place = entry.place as usize;
            let head = self.heads.get_mut(place).zip(plain.since(entry.record));
            let Some(((head, since), sum)) = head.zip(self.counts.get_mut(place)) else { continue };
            head.add(since);
            plain.each(entry.slot, 1, |_, cells| {
                *sum = sum.wrapping_add(cells.first().copied().unwrap_or(0));
            });
        }
    }

    /// Adds the cells of histograms' buckets, which begin at `first`, and calls `add` for the sum
    /// of values.
    fn add_buckets(
        &mut self,
        plain: &PlainSums<'_>,
        first: u32,
        entries: &[Entry],
        mut add: impl FnMut(&mut Totals, &Entry),
    ) {
        for entry in entries {
            let place = entry.place as usize;
            let head = self.heads.get_mut(place).zip(plain.since(entry.record));
            let Some(((head, since), totals)) = head.zip(self.sums.get_mut(place)) else {
                continue;
            };
            head.add(since);
            let own = self.counts.get_mut(place.saturating_mul(self.width)..).unwrap_or_default();
            plain.each(entry.slot.saturating_add(first), self.width, |skipped, buckets| {
                for (sum, count) in own.iter_mut().skip(skipped).zip(buckets) {
                    *sum = sum.saturating_add(*count);
                }
            });
            add(totals, entry);
        }
    }

    /// Adds what a place has to the spans of its series. Whether there was something.
    pub(crate) fn finish(&mut self, place: usize, spans: &mut Spans) -> bool {
        let Some(head) = self.heads.get(place).filter(|head| head.is_there) else { return false };
        let from = place.saturating_mul(self.width);
        let counts = self.counts.get(from..).unwrap_or_default();
        let counts = counts.get(..self.width).unwrap_or_default();
        let layout =
            if self.kind == MetricType::Counter { CellLayout::Count } else { CellLayout::Buckets };
        match spans.at((head.since, ENDLESS), None::<GaugeMode>, || Sum::of(layout)) {
            Sum::Counter(sum) => {
                sum.whole = sum.whole.wrapping_add(counts.first().copied().unwrap_or(0));
            }
            Sum::Histogram(sum) => {
                if let Some(totals) = self.sums.get_mut(place) {
                    let Totals { nanos, floats } = core::mem::take(totals);
                    sum.nanos = sum.nanos.wrapping_add(nanos);
                    sum.sum.add_sum(&floats);
                }
                sum.add_shown(counts);
            }
            // All parts of a family have the same kind.
            Sum::Gauge(_) => {}
        }
        true
    }
}

impl Head {
    fn add(&mut self, since: u64) {
        self.since = if self.is_there { self.since.min(since) } else { since };
        self.is_there = true;
    }
}
