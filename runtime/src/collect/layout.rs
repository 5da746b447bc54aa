//! What a segment's log says: families and series. Every byte is hostile: nothing is computed from a number before it was checked.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::descriptor::{MAX_BOUNDS, Mode};
use crate::error::{Error, ErrorKind};
use crate::segment::format::Fields;
use crate::segment::log::{
    FAMILY, HEAD, METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO, METRIC_STATESET,
    METRIC_SUMMARY, VALUE_F64, VALUE_NANOS, VALUE_U64, VALUE_WRAPPING, mode_of,
};

use super::block::Block;
use super::runs::Runs;
use super::snapshot::FamilyKind;

/// How the cells of a family's series are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cells {
    Unsigned,
    Float,
    Nanos,
    Wrapping,
}

impl Cells {
    /// A bound in the family's unit.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    pub(super) fn bound(self, bits: u64) -> f64 {
        match self {
            Self::Nanos => bits as f64 / 1e9,
            _ => f64::from_bits(bits),
        }
    }
}

/// A family as one segment's log has it.
#[derive(Debug, Clone)]
pub(super) struct LogFamily {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) help: String,
    pub(super) place: String,
    pub(super) kind: FamilyKind,
    pub(super) cells: Cells,
    pub(super) mode: Option<Mode>,
    /// Bits of `f64`, or nanoseconds, as `cells` says.
    pub(super) bounds: Vec<u64>,
    pub(super) labels: Vec<String>,
    pub(super) width: u32,
}

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
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) families: Vec<LogFamily>,
    pub(super) series: Vec<LogSeries>,
    /// Those of each series together, sorted by name, without empty values: to Prometheus an empty label is an absent one.
    pub(super) labels: Vec<Label>,
    /// The labels' values.
    pub(super) text: String,
    /// The first slot behind all series.
    pub(super) end: u32,
    /// Whether there are gauges that say when they were set.
    pub(super) has_recent: bool,
    /// Bytes of text in labels that it stands for.
    cost: u64,
    /// Bytes that keeping it takes.
    pub(super) size: u64,
    /// The numbers of each family's series.
    pub(super) by_family: Vec<Vec<u32>>,
    /// The cells of its counters, histograms and summaries that hold `f64`.
    pub(super) floats: Vec<Floats>,
    /// The cells of all its series.
    pub(super) runs: Runs,
}

/// A cell with a sum of `f64`, which adds up to no bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floats {
    pub(super) slot: u32,
    pub(super) kind: FamilyKind,
}

impl Layout {
    /// The labels of a series.
    pub(super) fn labels(&self, series: &LogSeries) -> &[Label] {
        let Range { start, end } = series.labels;
        self.labels.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Once all series are there. Not when it is first asked for: a fork meanwhile would leave the child waiting for ever.
    pub(super) fn index(&mut self) {
        let (mut by_family, mut floats) = (vec![Vec::new(); self.families.len()], Vec::new());
        for (number, series) in (0..).zip(&mut self.series) {
            let family = series.family as usize;
            if let Some(numbers) = by_family.get_mut(family) {
                numbers.push(number);
            }
            let Some(LogFamily { kind, cells: Cells::Float, .. }) = self.families.get(family)
            else {
                continue;
            };
            if *kind != FamilyKind::Gauge {
                series.float = u32::try_from(floats.len()).unwrap_or(NO_FLOAT);
                floats.push(Floats { slot: series.slot, kind: *kind });
            }
        }
        let cells = |series: &LogSeries| {
            let width = self.families.get(series.family as usize).map_or(0, |family| family.width);
            series.slot..series.slot.saturating_add(width)
        };
        self.runs = Runs::new(self.series.iter().map(cells));
        (self.by_family, self.floats) = (by_family, floats);
    }

    pub(super) fn value(&self, label: Label) -> &str {
        let at = label.at as usize;
        self.text.get(at..at.saturating_add(usize::from(label.len))).unwrap_or_default()
    }
}

/// Layouts with the logs that they were read from, as far as logs have them in common, by the logs' checksums.
pub(super) type ByLog = HashMap<u32, Vec<Arc<Known>>>;

#[derive(Debug)]
pub(super) struct Known {
    pub(super) log: Vec<u8>,
    pub(super) layout: Arc<Layout>,
}

/// The layouts of one collection, found again by the log's bytes: by all of them, since a checksum can be forged.
#[derive(Debug)]
pub(super) struct Layouts {
    known: ByLog,
    /// Those that an earlier collection read.
    earlier: Arc<ByLog>,
    /// Whose text was taken from what is left: their addresses.
    admitted: HashSet<usize>,
    /// Bytes of text in labels that there is room for yet.
    text_left: u64,
}

impl Default for Layouts {
    fn default() -> Self {
        Self::of_text(MAX_TEXT_OF_ALL)
    }
}

impl Layouts {
    /// With so many bytes of text in labels at most.
    pub(super) fn of_text(most: u64) -> Self {
        let (known, earlier, admitted) = Default::default();
        Self { known, earlier, admitted, text_left: most }
    }

    /// Those of an earlier collection need not be parsed again.
    pub(super) fn after(earlier: Arc<ByLog>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// For the next collection: those that this one had use for.
    pub(super) fn into_known(self) -> ByLog {
        let Self { mut known, earlier, admitted, .. } = self;
        for (crc, alike) in &*earlier {
            let is_used = |known: &&Arc<Known>| admitted.contains(&address(&known.layout));
            let used = alike.iter().filter(is_used);
            for one in used {
                known.entry(*crc).or_default().push(Arc::clone(one));
            }
        }
        known
    }

    /// What a log says, by what logs have in common.
    pub(super) fn of(&mut self, common: Vec<u8>, slots_used: u32) -> Result<Arc<Layout>, Error> {
        let crc = crc32fast::hash(&common);
        let find = |layouts: &ByLog| {
            let alike = layouts.get(&crc)?.iter();
            alike.clone().find(|known| known.log == common).map(|known| Arc::clone(&known.layout))
        };
        if let Some(layout) = find(&self.known).or_else(|| find(&self.earlier)) {
            self.admit(&layout, slots_used)?;
            return Ok(layout);
        }
        let layout = Arc::new(parse(&common, slots_used)?);
        self.admit(&layout, slots_used)?;
        let known = Known { log: common, layout: Arc::clone(&layout) };
        self.known.entry(crc).or_default().push(Arc::new(known));
        Ok(layout)
    }

    /// Makes a layout one of this collection's, for a segment that uses so many slots.
    pub(super) fn admit(&mut self, layout: &Arc<Layout>, slots_used: u32) -> Result<(), Error> {
        // The same log beside a smaller number of slots would be another file's lie.
        if layout.end > slots_used {
            return Err(Error::corrupt("a series outside the slots in use"));
        }
        if !self.admitted.contains(&address(layout)) {
            // Other files' doing: this one is not damaged, and must not be set aside.
            let crowded = "too much text in labels, with that of the files before it";
            self.text_left = self
                .text_left
                .checked_sub(layout.cost)
                .ok_or_else(|| Error::new(ErrorKind::Crowded { reason: crowded }))?;
            self.admitted.insert(address(layout));
        }
        Ok(())
    }
}

/// No other layout's, as long as this one is held: by the segments' logs that a collection has, and by what an earlier one has kept.
fn address(layout: &Arc<Layout>) -> usize {
    Arc::as_ptr(layout) as usize
}

/// So many labels, and bytes in a name, are more than anyone has use for.
pub(super) const MAX_LABELS: u16 = 64;
pub(super) const MAX_NAME: usize = 1024;
/// What a label costs beside its bytes.
pub(super) const LABEL_COST: u64 = crate::segment::log::LABEL_COST;
/// Bytes of label names and values, once for each cell, as an exposition repeats them, in all files of a directory together: 4 GiB. Whoever
/// may write there may write many of them.
pub(super) const MAX_TEXT_OF_ALL: u64 = 1 << 32;
/// Bytes of label names and values that one log may stand for: 256 MiB.
const MAX_TEXT: u64 = crate::segment::log::MAX_TEXT;

/// What a log says. Its records are whole: see [`Log`](super::log::Log).
fn parse(mut log: &[u8], slots_used: u32) -> Result<Layout, Error> {
    let mut layout = Layout::default();
    let mut block = Block::default();
    let (mut text, mut cells, mut records) = (0_u64, 0_u64, 0_u32);
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
        if kind == FAMILY {
            let family = family(&mut payload, layout.families.len())?;
            layout.has_recent |= family.mode.is_some_and(Mode::is_recent);
            layout.families.push(family);
        } else {
            block.read(&mut payload, slot, slots_used, &layout.families)?;
            // Before anything is multiplied out. Series that overlapped could be any number of them.
            cells = cells.saturating_add(block.cells());
            text = text.saturating_add(block.text(&layout.families));
            if cells > u64::from(slots_used) || text > MAX_TEXT {
                return Err(Error::corrupt("more series than it has room for"));
            }
            layout.end = layout.end.max(block.end());
            block.multiply(records, &mut layout);
            records = records.saturating_add(1);
        }
        log = rest;
    }
    layout.index();
    layout.cost = text;
    layout.size = layout.measured();
    Ok(layout)
}

fn family(f: &mut Fields<'_>, expected: usize) -> Result<LogFamily, Error> {
    if f.u32()? as usize != expected {
        return Err(Error::corrupt("a family's number"));
    }
    let (metric, value, mode) = (f.u8()?, f.u8()?, f.u8()?);
    f.u8()?;
    let (labels, bounds) = (f.u16()?, f.u16()?);
    if labels > MAX_LABELS || usize::from(bounds) >= MAX_BOUNDS {
        return Err(Error::corrupt("more labels or bounds than a family may have"));
    }
    let line = f.u32()?;
    let (kind, cells) = match (metric, value) {
        (METRIC_COUNTER, VALUE_U64) => (FamilyKind::Counter, Cells::Unsigned),
        (METRIC_COUNTER, VALUE_F64) => (FamilyKind::Counter, Cells::Float),
        (METRIC_GAUGE, VALUE_F64) => (FamilyKind::Gauge, Cells::Float),
        (METRIC_GAUGE, VALUE_WRAPPING) => (FamilyKind::Gauge, Cells::Wrapping),
        (METRIC_HISTOGRAM, VALUE_F64) => (FamilyKind::Histogram, Cells::Float),
        (METRIC_HISTOGRAM, VALUE_NANOS) => (FamilyKind::Histogram, Cells::Nanos),
        (METRIC_SUMMARY, VALUE_F64) => (FamilyKind::Summary, Cells::Float),
        (METRIC_SUMMARY, VALUE_NANOS) => (FamilyKind::Summary, Cells::Nanos),
        (METRIC_INFO, VALUE_U64) => (FamilyKind::Info, Cells::Unsigned),
        (METRIC_STATESET, VALUE_U64) => (FamilyKind::StateSet, Cells::Unsigned),
        _ => return Err(Error::corrupt("a family's type")),
    };
    let mode = match kind {
        FamilyKind::Gauge | FamilyKind::StateSet => {
            Some(mode_of(mode).ok_or_else(|| Error::corrupt("a gauge's mode"))?)
        }
        _ => None,
    };
    let is_recent = mode.is_some_and(Mode::is_recent);
    if is_recent && cells == Cells::Wrapping {
        return Err(Error::corrupt("a gauge's mode"));
    }
    let width = u32::from(bounds).saturating_add(match (kind, cells) {
        (FamilyKind::Histogram | FamilyKind::Summary, Cells::Nanos) => 3,
        (FamilyKind::Histogram | FamilyKind::Summary, _) => 2,
        (FamilyKind::Gauge, _) if is_recent => 2,
        _ => 1,
    });
    let bounds = (0..bounds).map(|_| f.u64()).collect::<Result<Vec<_>, _>>()?;
    let name = f.string()?.to_owned();
    let unit = f.string()?.to_owned();
    let help = f.string()?.to_owned();
    let file = f.string()?;
    let place = if file.is_empty() { String::new() } else { format!("{file}:{line}") };
    let labels =
        (0..labels).map(|_| f.string().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    LogFamily { name, unit, help, place, kind, cells, mode, bounds, labels, width }.checked()
}

impl LogFamily {
    /// Whether its bounds are written as the other's are. Mostly asked of declarations that are alike.
    pub(super) fn has_bounds_of(&self, other: &Self) -> bool {
        self.cells == other.cells && self.bounds == other.bounds
    }

    /// What can't stand in an exposition would spoil all of it.
    pub(super) fn checked(self) -> Result<Self, Error> {
        if (self.kind == FamilyKind::Histogram) == self.bounds.is_empty() {
            return Err(Error::corrupt("bounds of what has none, or none of what has some"));
        }
        // As they will be shown: two that differ in nanoseconds only, far out, are one label.
        let shown: Vec<f64> = self.bounds.iter().map(|bound| self.cells.bound(*bound)).collect();
        if !shown.iter().zip(shown.iter().skip(1)).all(|(a, b)| a < b)
            || !shown.iter().all(|bound| bound.is_finite())
        {
            return Err(Error::corrupt("bounds that don't ascend"));
        }
        let fits = |name: &String| name.len() <= MAX_NAME;
        if !fits(&self.name) || !self.labels.iter().all(fits) {
            return Err(Error::corrupt("a name of more than 1,024 bytes"));
        }
        if !is_name(&self.name, true) || !self.labels.iter().all(|label| is_name(label, false)) {
            return Err(Error::corrupt("a name with characters that names don't have"));
        }
        let reserved = match self.kind {
            FamilyKind::Histogram => "le",
            FamilyKind::Gauge | FamilyKind::StateSet => "pid",
            FamilyKind::Summary => "quantile",
            FamilyKind::Counter | FamilyKind::Info => "",
        };
        let distinct: std::collections::BTreeSet<&String> = self.labels.iter().collect();
        if distinct.len() != self.labels.len() || self.labels.iter().any(|label| label == reserved)
        {
            return Err(Error::corrupt("a label twice, or one that is reserved"));
        }
        Ok(self)
    }
}

pub(super) fn is_name(name: &str, colon: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    let mut chars = name.chars();
    chars.next().is_some_and(first) && chars.all(|c| first(c) || c.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::collect::log::Log;
    use crate::descriptor::{Descriptor, Kind};
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
