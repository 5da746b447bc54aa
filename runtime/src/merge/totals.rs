//! Adds up the cells of all segments that have the same log, so that work per series is done once
//! per log and not once per process.

use core::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::MetricType;
use crate::model::exact_sum::ExactSum;
use crate::reader::counted::Counted;
use crate::reader::layout::{Floats, Layout, LogSeries};
use crate::reader::segment::Segment;

use super::part::Part;

/// Segments with equal logs. Their labels are read once for all of them.
pub(crate) struct EqualLogs<'a> {
    pub(crate) layout: &'a Arc<Layout>,
    pub(crate) parts: Vec<&'a Part>,
    sums: OnceCell<Sums>,
    exemplars: OnceCell<bool>,
}

impl<'a> EqualLogs<'a> {
    pub(crate) fn new(part: &'a Part) -> Self {
        let layout = &part.segment.log.layout;
        Self { layout, parts: vec![part], sums: OnceCell::new(), exemplars: OnceCell::new() }
    }

    /// When the first of the segments that have all series created this one; `None` if there is no
    /// such segment.
    #[inline]
    pub(crate) fn since(&self, series: &LogSeries) -> Option<u64> {
        self.sums().since.get(series.record as usize).copied()
    }

    /// The segments that have removed some series. They are added one by one.
    pub(crate) fn others(&self) -> impl Iterator<Item = &'a Segment> + '_ {
        // This is called for each series, and nearly always there are none.
        let parts = if self.sums().are_all { &[][..] } else { &self.parts };
        parts.iter().map(|part| &part.segment).filter(|segment| !is_whole(segment))
    }

    /// The sums, if no segment has removed a series and no sum has passed 2^64.
    pub(crate) fn plain_sums(&self) -> Option<PlainSums<'_>> {
        if let [Part { segment, .. }] = &self.parts[..] {
            let used = segment.shards.iter().filter(|shard| shard.len() > 0).count();
            if is_whole(segment) && used <= FEW_SHARDS {
                return Some(PlainSums::Of(segment));
            }
        }
        let Sums { cells, carries, since, are_all, .. } = self.sums();
        let is_plain = *are_all && carries.is_empty();
        is_plain.then_some(PlainSums::Made { layout: self.layout, cells, since })
    }

    /// Adds the `f64` values of a series at a slot.
    pub(crate) fn add_floats_of(
        &self,
        slot: u32,
        series: u32,
        kind: MetricType,
        to: &mut ExactSum,
    ) {
        if let [Part { segment, .. }] = &self.parts[..] {
            segment.add_floats_at(Floats { slot, kind }, to);
        } else if let Some(series) = self.layout.series.get(series as usize) {
            self.add_floats(series, kind, to);
        }
    }

    /// Whether any of the segments has exemplars.
    #[inline]
    pub(crate) fn has_exemplars(&self) -> bool {
        let has = |segment: &Segment| !segment.exemplars.is_empty();
        *self.exemplars.get_or_init(|| self.segments().any(has))
    }

    fn segments(&self) -> impl Iterator<Item = &'a Segment> + '_ {
        self.parts.iter().map(|part| &part.segment)
    }

    fn sums(&self) -> &Sums {
        self.sums.get_or_init(|| {
            let mut sums = Sums::default();
            sums.cells.resize(self.layout.runs.cells(), 0);
            sums.are_all = self.segments().all(is_whole);
            for segment in self.segments().filter(|segment| is_whole(segment)) {
                sums.add(segment);
                if self.parts.len() > 1 {
                    sums.add_floats(segment);
                }
            }
            sums
        })
    }
}

/// The sums of segments of which none has removed a series.
pub(crate) enum PlainSums<'a> {
    Made {
        layout: &'a Layout,
        cells: &'a [u64],
        since: &'a [u64],
    },
    /// One segment, whose cells lie in few shards: they are read where they are. Writing their sums
    /// down first would take as long as reading them from memory does.
    Of(&'a Segment),
}

/// The process's own shard, and that of one thread.
const FEW_SHARDS: usize = 2;

impl PlainSums<'_> {
    /// When the first of the segments created the series of a record.
    #[inline]
    pub(crate) fn since(&self, record: u32) -> Option<u64> {
        match self {
            Self::Made { since, .. } => since.get(record as usize).copied(),
            Self::Of(segment) => {
                let since = segment.log.since.get(record as usize)?;
                Some(segment.times.at(*since))
            }
        }
    }

    /// Passes on consecutive cells from a slot on, those of each shard or their sums. The number
    /// before them is how many zeros come first.
    #[inline]
    pub(crate) fn each(&self, slot: u32, count: usize, mut add: impl FnMut(usize, &[u64])) {
        match self {
            Self::Made { layout, cells, .. } => {
                let from = layout.runs.place(slot);
                let cells = from.and_then(|from| cells.get(from..from.checked_add(count)?));
                add(0, cells.unwrap_or_default());
            }
            Self::Of(segment) => {
                let behind = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(slot);
                for shard in segment.shards.iter().filter(|shard| shard.len() > 0) {
                    let (skipped, cells) = shard.within(&(slot..behind));
                    add(skipped, cells);
                }
            }
        }
    }
}

fn is_whole(segment: &Segment) -> bool {
    segment.log.removed.is_empty()
}

/// The sums over the segments that have removed no series.
impl Counted for EqualLogs<'_> {
    #[inline]
    fn sum(&self, slot: u32, offset: u32) -> (u64, u64) {
        // The cells of a series are consecutive here too.
        let at = self.layout.runs.place(slot).map(|at| at.saturating_add(offset as usize));
        let get = |cells: &[u64]| at.and_then(|at| cells.get(at)).copied().unwrap_or(0);
        let Sums { cells, carries, .. } = self.sums();
        (get(cells), if carries.is_empty() { 0 } else { get(carries) })
    }

    fn add_floats(&self, series: &LogSeries, kind: MetricType, to: &mut ExactSum) {
        if let [Part { segment, .. }] = &self.parts[..] {
            segment.add_floats(series, kind, to);
        } else if let Some(sum) = self.sums().floats.get(series.float as usize) {
            to.add_sum(sum);
        }
    }

    fn plain(&self, slot: u32, cells: usize) -> Option<&[u64]> {
        let from = self.layout.runs.place(slot).filter(|_| self.sums().carries.is_empty())?;
        self.sums().cells.get(from..from.checked_add(cells)?)
    }
}

#[derive(Debug, Default)]
struct Sums {
    /// Each cell's sum over all shards of all segments, modulo 2^64.
    cells: Vec<u64>,
    /// How many times each sum passed 2^64. Empty if none did.
    carries: Vec<u64>,
    /// The sums of the `f64` cells, in the layout's order, if there are several segments.
    floats: Vec<ExactSum>,
    /// When the first segment created the series of each record.
    since: Vec<u64>,
    /// Whether no segment has removed a series.
    are_all: bool,
}

impl Sums {
    fn add(&mut self, segment: &Segment) {
        for shard in &segment.shards {
            for run in segment.log.layout.runs.up_to(shard.end()) {
                let (skipped, cells) = shard.within(&run.slots);
                self.add_cells(run.before.saturating_add(skipped), cells);
            }
        }
        let since = &segment.log.since;
        // Segments with one layout have the same number of records.
        self.since.resize(since.len(), u64::MAX);
        for (first, since) in self.since.iter_mut().zip(since) {
            *first = (*first).min(segment.times.at(*since));
        }
    }

    /// Adds all `f64` cells of one segment while they are in the cache. Going series by series,
    /// each segment's cells would be fetched again for each series.
    fn add_floats(&mut self, segment: &Segment) {
        let floats = &segment.log.layout.floats;
        self.floats.resize_with(floats.len(), ExactSum::default);
        for (floats, sum) in floats.iter().zip(&mut self.floats) {
            segment.add_floats_at(*floats, sum);
        }
    }

    /// Adds consecutive cells, beginning at the sum with number `from`.
    fn add_cells(&mut self, mut from: usize, cells: &[u64]) {
        let all = self.cells.len();
        let sums = self.cells.get_mut(from..).unwrap_or_default();
        for (sums, cells) in sums.chunks_mut(LANES).zip(cells.chunks(LANES)) {
            // An addition overflows if both numbers have the highest bit, or if one of them has it
            // and the sum does not. Checked once for all lanes.
            let mut passed = 0;
            for (sum, cell) in sums.iter_mut().zip(cells) {
                let next = sum.wrapping_add(*cell);
                passed |= (*sum & *cell) | ((*sum | *cell) & !next);
                *sum = next;
            }
            if passed >> 63 != 0 {
                self.carries.resize(all, 0);
                let carries = self.carries.get_mut(from..).unwrap_or_default();
                for ((sum, carries), cell) in sums.iter().zip(carries).zip(cells) {
                    *carries += u64::from(sum < cell);
                }
            }
            from += LANES;
        }
    }
}

/// The number of cells that are added at once.
const LANES: usize = 8;

/// Groups these segments by their logs.
pub(crate) fn logs(parts: &[Part]) -> Vec<EqualLogs<'_>> {
    let mut numbers = HashMap::new();
    let mut logs: Vec<EqualLogs<'_>> = Vec::new();
    for part in parts {
        let layout = Arc::as_ptr(&part.segment.log.layout);
        let number = *numbers.entry(layout).or_insert(logs.len());
        match logs.get_mut(number) {
            Some(log) => log.parts.push(part),
            None => logs.push(EqualLogs::new(part)),
        }
    }
    logs
}
