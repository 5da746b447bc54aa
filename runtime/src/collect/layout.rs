//! What a segment's log says: series, and the families that they are of. Every byte is hostile: nothing is computed from a number before it was checked.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::model::MetricType;
use crate::model::mode::Mode;
use crate::segment::format::Fields;
use crate::segment::log::{FAMILY, HEAD, SERIES};

use super::block::Block;
use super::family::{Cells, LogFamily, family};
use super::runs::Runs;

/// A series as one segment's log has it.
#[derive(Debug, Clone)]
pub(super) struct LogSeries {
    pub(super) family: u32,
    pub(super) slot: u32,
    /// The first slot of the series that differ from it in the last label only, and how many they are: the states of a set.
    pub(super) states: (u32, u32),
    /// Where in the layout's labels its own stand.
    pub(super) labels: Range<u32>,
    /// The number of its record, which says when it was made.
    pub(super) record: u32,
    /// Which of the layout's cells of `f64` is its own; [`NO_FLOAT`] if none is.
    pub(super) float: u32,
}

pub(super) const NO_FLOAT: u32 = u32::MAX;

/// A label of a series. Its text is the layout's: a string of its own for each value was a third of what reading a long log cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    /// Which of the family's labels it is.
    pub(super) name: u16,
    pub(super) len: u16,
    pub(super) at: u32,
}

/// What a log says. Processes of one program mostly have the same log, and share this.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) families: Vec<LogFamily>,
    pub(super) series: Vec<LogSeries>,
    /// Those of each series together, sorted by name, without empty values: to Prometheus an empty label is an absent one.
    pub(super) labels: Vec<Label>,
    /// The labels' values.
    pub(super) text: String,
    /// The first slot behind all series.
    pub(super) end: u32,
    /// Whether it has families of a type that only a newer version knows. They have no series here,
    /// so
    /// a segment that has them must not be folded.
    pub(super) has_unknown: bool,
    /// Whether there are gauges that say when they were set.
    pub(super) has_recent: bool,
    /// Bytes of text in labels that it stands for.
    pub(super) cost: u64,
    /// Bytes that keeping it takes.
    pub(super) size: u64,
    /// The numbers of each family's series: the same list as long as there are no more of them,
    /// however much the log grows.
    pub(super) by_family: Vec<Arc<Vec<u32>>>,
    /// The cells of its counters, histograms and summaries that hold `f64`.
    pub(super) floats: Vec<Floats>,
    /// The cells of all its series.
    pub(super) runs: Runs,
    /// How many cells that are, each series' for itself.
    cells: u64,
    /// How many records of series there are.
    records: u32,
    /// The checksum of what it was read from.
    pub(super) crc: u32,
}

/// A cell with a sum of `f64`, which adds up to no bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floats {
    pub(super) slot: u32,
    pub(super) kind: MetricType,
}

impl Layout {
    /// The labels of a series.
    pub(super) fn labels(&self, series: &LogSeries) -> &[Label] {
        let Range { start, end } = series.labels;
        self.labels.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Once all series are there: those from this one on are new. Not when it is first asked for: a
    /// fork meanwhile would leave the child waiting for
    /// ever.
    fn index_from(&mut self, from: usize) {
        self.by_family.resize_with(self.families.len(), Arc::default);
        for (number, series) in (0..).zip(&mut self.series).skip(from) {
            let family = series.family as usize;
            if let Some(numbers) = self.by_family.get_mut(family) {
                Arc::make_mut(numbers).push(number);
            }
            let Some(LogFamily { kind, cells: Cells::Float, .. }) = self.families.get(family)
            else {
                continue;
            };
            if *kind != MetricType::Gauge {
                series.float = u32::try_from(self.floats.len()).unwrap_or(NO_FLOAT);
                self.floats.push(Floats { slot: series.slot, kind: *kind });
            }
        }
        let cells = |series: &LogSeries| {
            let width = self.families.get(series.family as usize).map_or(0, |family| family.width);
            series.slot..series.slot.saturating_add(width)
        };
        self.runs = Runs::new(self.series.iter().map(cells));
    }

    /// All of them.
    #[cfg(test)]
    pub(super) fn index(&mut self) {
        (self.by_family, self.floats) = (Vec::new(), Vec::new());
        self.index_from(0);
    }

    pub(super) fn value(&self, label: Label) -> &str {
        let at = label.at as usize;
        self.text.get(at..at.saturating_add(usize::from(label.len))).unwrap_or_default()
    }
}

/// What a label costs beside its bytes.
pub(super) const LABEL_COST: u64 = crate::segment::log::LABEL_COST;
/// Bytes of label names and values that one log may stand for: 256 MiB.
const MAX_TEXT: u64 = crate::segment::log::MAX_TEXT;

/// What a log says. Its records are whole: see [`Log`](super::log::Log).
pub(super) fn parse(log: &[u8], slots_used: u32) -> Result<Layout, Error> {
    parse_more(Layout::default(), log, slots_used)
}

/// What a log says whose beginning says `layout`, and what is behind it `log`.
pub(super) fn parse_more(
    mut layout: Layout,
    mut log: &[u8],
    slots_used: u32,
) -> Result<Layout, Error> {
    let mut block = Block::default();
    let known = layout.series.len();
    let (mut text, mut cells, mut records) = (layout.cost, layout.cells, layout.records);
    while !log.is_empty() {
        let mut head = Fields::new(log, "a record's head");
        let len = head.u32()? as usize;
        let kind = head.u8()?;
        head.bytes(3)?;
        let slot = head.u32()?;
        let (record, rest) =
            log.split_at_checked(len).ok_or_else(|| Error::corrupt("a record's length"))?;
        let mut payload = Fields::new(record, "a record");
        payload.bytes(HEAD)?;
        match kind {
            FAMILY => {
                let family = family(&mut payload, layout.families.len())?;
                layout.has_recent |= family.mode.is_some_and(Mode::is_recent);
                layout.has_unknown |= !family.is_known();
                layout.families.push(family);
            }
            SERIES => {
                if block.read(&mut payload, slot, slots_used, &layout.families)? {
                    // Before anything is multiplied out. Series that overlapped could be any number
                    // of them.
                    cells = cells.saturating_add(block.cells());
                    text = text.saturating_add(block.text(&layout.families));
                    if cells > u64::from(slots_used) || text > MAX_TEXT {
                        return Err(Error::corrupt("more series than it has room for"));
                    }
                    layout.end = layout.end.max(block.end());
                    block.multiply(records, &mut layout);
                }
                // Each of them has its age.
                records = records.saturating_add(1);
            }
            // A log's common part has no others.
            _ => return Err(Error::corrupt("a record of no kind")),
        }
        log = rest;
    }
    layout.index_from(known);
    (layout.cost, layout.cells, layout.records) = (text, cells, records);
    layout.size = layout.measured();
    Ok(layout)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::collect::layouts::Layouts;
    use crate::collect::log::Log;
    use crate::descriptor::Descriptor;
    use crate::model::kind::Kind;
    use crate::segment::log::LogWriter;

    /// Records of a counter and a series of it, each with `more` behind the fields that this version knows.
    fn log(more: &[u8]) -> Vec<u8> {
        let descriptor = Descriptor::new(Kind::Counter, "a_total", "A.", "a.rs", 1);
        let mut log = Vec::new();
        let mut family = Vec::new();
        LogWriter::new(&mut family).family(0, &descriptor, &["queue"]);
        let mut series = Vec::new();
        LogWriter::new(&mut series).series(0, 1, 1, 7, &[vec!["mail"]]);
        for mut record in [family, series] {
            record.extend_from_slice(more);
            let len = u32::try_from(record.len()).unwrap();
            record[..4].copy_from_slice(&len.to_le_bytes());
            record[12..16].fill(0);
            let crc = crc32fast::hash(&record);
            record[12..16].copy_from_slice(&crc.to_le_bytes());
            log.extend(record);
        }
        log
    }

    #[test]
    fn fields_of_a_later_version_behind_those_that_are_known_are_ignored() {
        let read = |log: &[u8]| {
            let log = Log::parse(log).unwrap();
            let layout = Layouts::default().of(log.common, 2).unwrap();
            let Layout { families, series, labels, text, .. } = &*layout;
            (log.created, format!("{families:?} {series:?} {labels:?} {text:?}"))
        };
        let (created, layout) = read(&log(&[]));
        assert_eq!(created, [7]);
        assert!(layout.contains("\"mail\""), "{layout}");
        assert_eq!(read(&log(b"to come!")), (created, layout));
    }
}
