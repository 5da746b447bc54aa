//! The content of a segment's log: families, series, and where their cells are. Every byte is
//! hostile: no number is used before it was checked.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;
use std::collections::HashSet;
use std::sync::Arc;

use crate::model::MetricType;
use crate::model::sorted::SortedMap;

use super::family::{LogFamily, Shape, Wrong};
use super::slot_runs::Runs;

/// A series, as declared in one segment's log.
#[derive(Debug, Clone)]
pub(crate) struct LogSeries {
    pub(crate) family: u32,
    pub(crate) slot: u32,
    /// The first slot of the series that differ only in the last label, and the number of these
    /// series: the states of a state set.
    pub(crate) states: (u32, u32),
    /// The range of the series' labels in the layout's labels.
    pub(crate) labels: Range<u32>,
    /// The number of the series' record; the record contains when the series was created.
    pub(crate) record: u32,
    /// The index of the series' cell in the layout's `floats`; [`NO_FLOAT`] if it has none.
    pub(crate) float: u32,
}

pub(crate) const NO_FLOAT: u32 = u32::MAX;

/// A label of a series. The text is stored in the layout: a string for each value was a third of
/// the cost of reading a long log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    /// The index of the name among the family's labels.
    pub(crate) name: u16,
    pub(crate) len: u16,
    pub(crate) at: u32,
}

/// The content of a log. Processes of one program mostly have equal logs, and share one layout.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    pub(crate) families: Vec<LogFamily>,
    pub(crate) series: Vec<LogSeries>,
    /// The labels of all series, one series after the other, each sorted by name. Empty values are
    /// left out: to Prometheus a label without a value does not exist.
    pub(crate) labels: Vec<Label>,
    /// The labels' values.
    pub(crate) text: String,
    /// The first slot behind all series.
    pub(crate) end: u32,
    /// Whether the log has families of a type that only a newer version knows. They have no series
    /// here, so a segment that has them must not be compacted.
    pub(crate) has_unknown: bool,
    /// The families that no page can show. They have no series here either.
    pub(crate) wrong: Vec<Wrong>,
    /// The families without a help text, by name and shape: a later record may bring the text.
    pub(crate) mute: SortedMap<String, Vec<(Shape, Vec<u32>)>>,
    /// Whether there are gauges that record when they were set.
    pub(crate) has_recent: bool,
    /// The bytes of label text in an exposition of these series.
    pub(crate) cost: u64,
    /// The bytes of memory that the layout takes.
    pub(crate) size: u64,
    /// The indices of each family's series. While a log grows by series of other families, the list
    /// stays the same allocation.
    pub(crate) by_family: Vec<Arc<Vec<u32>>>,
    /// The `f64` cells of counters, histograms and summaries.
    pub(crate) floats: Vec<Floats>,
    /// The cells of all series.
    pub(crate) runs: Runs,
    /// The number of cells, counted for each series separately.
    pub(crate) cells: u64,
    /// The number of SERIES records.
    pub(crate) records: u32,
    /// The checksum of the bytes that the layout was parsed from.
    pub(crate) crc: u32,
}

/// A cell that contains an `f64` sum. Its bits cannot be added like the other cells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floats {
    pub(crate) slot: u32,
    pub(crate) kind: MetricType,
}

impl Layout {
    /// The labels of a series.
    pub(crate) fn labels(&self, series: &LogSeries) -> &[Label] {
        let Range { start, end } = series.labels;
        self.labels.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Whether no family is declared twice, with series.
    pub(crate) fn has_each_family_once(&self) -> bool {
        let families = self.families.iter().zip(&self.by_family);
        let mut shown = families.filter(|(_, series)| !series.is_empty());
        let mut seen = HashSet::new();
        shown.all(|(family, _)| seen.insert(family.name.as_str()))
    }

    /// Adds a family. If its record brings a help text, families of its name and shape that have
    /// none get it. They are forgotten then: of a forged log, each of many records would go through
    /// as many families.
    pub(crate) fn add_family(&mut self, family: LogFamily) {
        let shape = family.shape();
        if !family.help.is_empty() {
            let mute = self.mute.get_mut(&family.name);
            let of_shape = mute.and_then(|mute| {
                let at = mute.iter().position(|(of, _)| *of == shape)?;
                Some(mute.swap_remove(at).1)
            });
            for number in of_shape.unwrap_or_default() {
                if let Some(known) = self.families.get_mut(number as usize) {
                    known.help.clone_from(&family.help);
                    known.unit.clone_from(&family.unit);
                }
            }
        } else if family.is_read() {
            let number = u32::try_from(self.families.len()).unwrap_or(u32::MAX);
            let mute = self.mute.or_default(family.name.clone());
            match mute.iter_mut().find(|(of, _)| *of == shape) {
                Some((_, numbers)) => numbers.push(number),
                None => mute.push((shape, vec![number])),
            }
        }
        self.families.push(family);
    }

    /// Indexes the series from number `from` on, when all series are there. It is not done lazily:
    /// if another thread forked meanwhile, the child would wait for ever.
    pub(crate) fn index_from(&mut self, from: usize) {
        self.by_family.resize_with(self.families.len(), Arc::default);
        for (number, series) in (0..).zip(&mut self.series).skip(from) {
            let family = series.family as usize;
            if let Some(numbers) = self.by_family.get_mut(family) {
                Arc::make_mut(numbers).push(number);
            }
            let Some(encoding) = self.families.get(family).map(|family| family.encoding) else {
                continue;
            };
            if let Some(offset) = encoding.layout().float() {
                let (slot, kind) = (series.slot.saturating_add(offset), encoding.metric());
                series.float = u32::try_from(self.floats.len()).unwrap_or(NO_FLOAT);
                self.floats.push(Floats { slot, kind });
            }
        }
        let cells = |series: &LogSeries| {
            let width = self.families.get(series.family as usize).map_or(0, |family| family.width);
            series.slot..series.slot.saturating_add(width)
        };
        self.runs = Runs::new(self.series.iter().map(cells));
    }

    /// Indexes all series.
    #[cfg(test)]
    pub(crate) fn index(&mut self) {
        (self.by_family, self.floats) = (Vec::new(), Vec::new());
        self.index_from(0);
    }

    pub(crate) fn value(&self, label: Label) -> &str {
        let at = label.at as usize;
        self.text.get(at..at.saturating_add(usize::from(label.len))).unwrap_or_default()
    }
}

/// The names and values of a series' labels, sorted by name.
pub(crate) fn labels_of<'a>(
    layout: &'a Layout,
    family: &'a LogFamily,
    series: &LogSeries,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    layout.labels(series).iter().map(|label| {
        let name = family.labels.get(usize::from(label.name)).map_or("", |name| name);
        (name, layout.value(*label))
    })
}
