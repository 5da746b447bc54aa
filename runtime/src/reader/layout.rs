//! What a segment's log says: series, and the families that they are of. Every byte is hostile: nothing is computed from a number before it was checked.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;
use std::sync::Arc;

use crate::model::MetricType;

use super::family::{Cells, LogFamily};
use super::slot_runs::Runs;

/// A series as one segment's log has it.
#[derive(Debug, Clone)]
pub(crate) struct LogSeries {
    pub(crate) family: u32,
    pub(crate) slot: u32,
    /// The first slot of the series that differ from it in the last label only, and how many they are: the states of a set.
    pub(crate) states: (u32, u32),
    /// Where in the layout's labels its own stand.
    pub(crate) labels: Range<u32>,
    /// The number of its record, which says when it was made.
    pub(crate) record: u32,
    /// Which of the layout's cells of `f64` is its own; [`NO_FLOAT`] if none is.
    pub(crate) float: u32,
}

pub(crate) const NO_FLOAT: u32 = u32::MAX;

/// A label of a series. Its text is the layout's: a string of its own for each value was a third of what reading a long log cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    /// Which of the family's labels it is.
    pub(crate) name: u16,
    pub(crate) len: u16,
    pub(crate) at: u32,
}

/// What a log says. Processes of one program mostly have the same log, and share this.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    pub(crate) families: Vec<LogFamily>,
    pub(crate) series: Vec<LogSeries>,
    /// Those of each series together, sorted by name, without empty values: to Prometheus an empty label is an absent one.
    pub(crate) labels: Vec<Label>,
    /// The labels' values.
    pub(crate) text: String,
    /// The first slot behind all series.
    pub(crate) end: u32,
    /// Whether it has families of a type that only a newer version knows. They have no series here,
    /// so
    /// a segment that has them must not be folded.
    pub(crate) has_unknown: bool,
    /// Whether there are gauges that say when they were set.
    pub(crate) has_recent: bool,
    /// Bytes of text in labels that it stands for.
    pub(crate) cost: u64,
    /// Bytes that keeping it takes.
    pub(crate) size: u64,
    /// The numbers of each family's series: the same list as long as there are no more of them,
    /// however much the log grows.
    pub(crate) by_family: Vec<Arc<Vec<u32>>>,
    /// The cells of its counters, histograms and summaries that hold `f64`.
    pub(crate) floats: Vec<Floats>,
    /// The cells of all its series.
    pub(crate) runs: Runs,
    /// How many cells that are, each series' for itself.
    pub(crate) cells: u64,
    /// How many records of series there are.
    pub(crate) records: u32,
    /// The checksum of what it was read from.
    pub(crate) crc: u32,
}

/// A cell with a sum of `f64`, which adds up to no bits.
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

    /// Once all series are there: those from this one on are new. Not when it is first asked for: a
    /// fork meanwhile would leave the child waiting for
    /// ever.
    pub(crate) fn index_from(&mut self, from: usize) {
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
    pub(crate) fn index(&mut self) {
        (self.by_family, self.floats) = (Vec::new(), Vec::new());
        self.index_from(0);
    }

    pub(crate) fn value(&self, label: Label) -> &str {
        let at = label.at as usize;
        self.text.get(at..at.saturating_add(usize::from(label.len))).unwrap_or_default()
    }
}

/// The labels of a series, in order.
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
