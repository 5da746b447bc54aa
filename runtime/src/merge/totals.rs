//! Segments whose logs say the same, with their cells added up: what a series costs is then paid once, and not for each process.

use core::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::MetricType;
use crate::model::exact_sum::ExactSum;
use crate::reader::counted::Counted;
use crate::reader::layout::{Layout, LogSeries};
use crate::reader::segment::Segment;

use super::part::Part;

/// What several segments' logs say alike, so that labels are looked at once for all of them.
pub(crate) struct LogOf<'a> {
    pub(crate) layout: &'a Arc<Layout>,
    pub(crate) parts: Vec<&'a Part>,
    sums: OnceCell<Sums>,
}

impl<'a> LogOf<'a> {
    pub(crate) fn new(part: &'a Part) -> Self {
        let layout = &part.segment.log.layout;
        Self { layout, parts: vec![part], sums: OnceCell::new() }
    }

    /// From when on the first of those that have all series of the log had this one; `None` if there are none.
    #[inline]
    pub(crate) fn since(&self, series: &LogSeries) -> Option<u64> {
        self.sums().since.get(series.record as usize).copied()
    }

    /// The segments that have removed some, and are looked at one by one.
    pub(crate) fn others(&self) -> impl Iterator<Item = &'a Segment> + '_ {
        // Asked for each series, and nearly always there are none.
        let parts = if self.sums().are_all { &[][..] } else { &self.parts };
        parts.iter().map(|part| &part.segment).filter(|segment| !is_whole(segment))
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

fn is_whole(segment: &Segment) -> bool {
    segment.log.removed.is_empty()
}

/// Of the segments that have all series of the log.
impl Counted for LogOf<'_> {
    #[inline]
    fn sum(&self, slot: u32, offset: u32) -> (u64, u64) {
        // A series' cells stand behind each other here as well.
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
    /// Each cell of a series summed over all shards of all segments, modulo 2^64.
    cells: Vec<u64>,
    /// How often it passed that; none, if no cell ever did.
    carries: Vec<u64>,
    /// Of each cell that holds `f64`, in their order, where there are several segments.
    floats: Vec<ExactSum>,
    /// From when on the first of them had the series of each record.
    since: Vec<u64>,
    /// Whether no segment has removed any.
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
        // One layout is of one number of records.
        self.since.resize(since.len(), u64::MAX);
        for (first, since) in self.since.iter_mut().zip(since) {
            *first = (*first).min(segment.times.at(*since));
        }
    }

    /// While the segment's cells are at hand: one series after the other they would be looked for in each segment anew.
    fn add_floats(&mut self, segment: &Segment) {
        let floats = &segment.log.layout.floats;
        self.floats.resize_with(floats.len(), ExactSum::default);
        for (floats, sum) in floats.iter().zip(&mut self.floats) {
            segment.add_floats_at(*floats, sum);
        }
    }

    /// Adds cells that stand behind each other, from the one of this number on.
    fn add_cells(&mut self, mut from: usize, cells: &[u64]) {
        let all = self.cells.len();
        let sums = self.cells.get_mut(from..).unwrap_or_default();
        for (sums, cells) in sums.chunks_mut(LANES).zip(cells.chunks(LANES)) {
            // The highest bit of a sum is carried if both had it, or one of them and the sum doesn't. Asked for all lanes at once.
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

/// Cells that are added up at once.
const LANES: usize = 8;

/// The logs of these segments, each with those that have it.
pub(crate) fn logs(parts: &[Part]) -> Vec<LogOf<'_>> {
    let mut numbers = HashMap::new();
    let mut logs: Vec<LogOf<'_>> = Vec::new();
    for part in parts {
        let layout = Arc::as_ptr(&part.segment.log.layout);
        let number = *numbers.entry(layout).or_insert(logs.len());
        match logs.get_mut(number) {
            Some(log) => log.parts.push(part),
            None => logs.push(LogOf::new(part)),
        }
    }
    logs
}
