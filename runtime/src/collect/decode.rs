//! From a segment's bytes to families, series and cells. Every byte is hostile: nothing is computed from a number before it was checked,
//! and whatever is wrong is an error that names it.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::HashMap;
use std::rc::Rc;

use crate::descriptor::{MAX_BOUNDS, MAX_CELLS, Mode};
use crate::error::{Error, ErrorKind};
use crate::label::MAX_LABEL_VALUE;
use crate::segment::format::{CELL, Fields, Header, LIMITS_OFF, LOG_OFF, WORDS_OFF, Word};
use crate::segment::log::{
    FAMILY, HEAD, METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO, METRIC_STATESET,
    METRIC_SUMMARY, MUST_KNOW, SERIES, VALUE_F64, VALUE_NANOS, VALUE_U64, VALUE_WRAPPING, mode_of,
};

use super::read::Source;
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
    pub(super) family: usize,
    pub(super) slot: u32,
    pub(super) values: Vec<String>,
}

/// What a log says. Processes of one program mostly have the same log, and share this.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) families: Vec<LogFamily>,
    pub(super) series: Vec<LogSeries>,
    /// The first slot behind all series.
    pub(super) end: u32,
}

/// The layouts of one collection, found again by the log's bytes: by all of them, since a checksum can be forged.
#[derive(Debug, Default)]
pub(super) struct Layouts {
    known: HashMap<u32, Vec<Known>>,
    text: u64,
}

/// A log, and what it says.
type Known = (Vec<u64>, Rc<Layout>);

impl Layouts {
    fn of(&mut self, log: Vec<u64>, slots_used: u32) -> Result<Rc<Layout>, Error> {
        let bytes: Vec<u8> = log.iter().flat_map(|word| word.to_le_bytes()).collect();
        let known = self.known.entry(crc32fast::hash(&bytes)).or_default();
        let found = known.iter().find(|(words, _)| *words == log);
        let layout = if let Some((_, layout)) = found {
            Rc::clone(layout)
        } else {
            let (layout, text) = parse_log(&bytes, slots_used)?;
            self.text = self.text.saturating_add(text);
            if self.text > MAX_TEXT_OF_ALL {
                return Err(Error::corrupt(
                    "too much text in labels, with that of the files before it",
                ));
            }
            let layout = Rc::new(layout);
            known.push((log, Rc::clone(&layout)));
            layout
        };
        // The same log beside a smaller number of slots would be another file's lie.
        if layout.end > slots_used {
            return Err(Error::corrupt("a series outside the slots in use"));
        }
        Ok(layout)
    }
}

/// When a segment was made; the instance only so that no two are equal. The greater is the newer.
pub(super) type Age = (u64, [u8; 16]);

/// Everything a segment says at one moment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) header: Header,
    pub(super) layout: Rc<Layout>,
    /// Bytes of its log: of two copies of one segment the longer log is the newer.
    pub(super) log_used: u64,
    pub(super) dropped_series: u64,
    pub(super) dropped_operations: u64,
    pub(super) cut_label_values: u64,
    /// The first cells of each shard, shard 0 first.
    pub(super) shards: Vec<Vec<u64>>,
}

/// A log may be no longer than this, however large a file claims it: what a reader spends on one file is bounded.
const MAX_LOG: u64 = 64 << 20;
/// So many labels, and bytes in a name, are more than anyone has use for.
const MAX_LABELS: u16 = 64;
const MAX_NAME: usize = 1024;
/// What a label costs beside its bytes.
const LABEL_COST: u64 = 64;

/// Cells that are read of one segment, in all shards: 256 MiB, of addresses. What is real of it is what is real of the file.
const MAX_READ: u64 = 1 << 25;
/// Bytes of label names and values, once for each cell, as an exposition repeats them, in all files of a directory together: 4 GiB. Whoever
/// may write there may write many of them.
const MAX_TEXT_OF_ALL: u64 = 1 << 32;

/// Bytes of label names and values that one log may stand for: 256 MiB.
const MAX_TEXT: u64 = 256 << 20;

impl Segment {
    pub(super) fn read(
        source: &Source,
        header: Header,
        layouts: &mut Layouts,
    ) -> Result<Self, Error> {
        let geometry = header.geometry;
        // First the length of the log, then everything that was stored before it was.
        let log_used = one(&source.read(Word::LogUsed.offset(), 1)?);
        core::sync::atomic::fence(core::sync::atomic::Ordering::Acquire);
        if log_used > geometry.log_cap().min(MAX_LOG) || log_used % 8 != 0 {
            return Err(Error::corrupt("the length of the log"));
        }
        let words = source.read(WORDS_OFF, words_in(LOG_OFF.saturating_sub(WORDS_OFF)))?;
        let word = |word: Word| {
            let at = word.offset().saturating_sub(WORDS_OFF) / CELL;
            usize::try_from(at).ok().and_then(|at| words.get(at)).copied().unwrap_or(0)
        };
        if word(Word::Ready) != 1 {
            return Err(Error::corrupt("it was never finished"));
        }
        let slots_used = u32::try_from(word(Word::SlotsUsed)).ok();
        let slots_used = slots_used
            .filter(|used| *used <= geometry.slot_cap)
            .ok_or_else(|| Error::corrupt("the number of slots"))?;
        let shards_used = u32::try_from(word(Word::ShardsUsed)).ok();
        let shards_used = shards_used
            .filter(|used| *used <= geometry.shard_cap)
            .ok_or_else(|| Error::corrupt("the number of shards"))?;

        let layout = layouts.of(source.read(LOG_OFF, words_in(log_used))?, slots_used)?;

        let limits_at = usize::try_from(LIMITS_OFF.saturating_sub(WORDS_OFF) / CELL).unwrap_or(0);
        let limits = words.get(limits_at..).unwrap_or_default();
        let limits = limits.iter().flat_map(|pair| {
            #[expect(clippy::cast_possible_truncation, reason = "two limits share a word")]
            [*pair as u32, (*pair >> 32) as u32]
        });
        let mut shards = Vec::new();
        let mut left = MAX_READ;
        for (shard, limit) in (0..shards_used).zip(limits) {
            // What no series lies in says nothing.
            let cells = u64::from(limit.min(layout.end));
            left = left.checked_sub(cells).ok_or_else(|| Error::corrupt("too many cells"))?;
            let cells = usize::try_from(cells).unwrap_or(0);
            shards.push(source.read(geometry.shard_off(shard), cells)?);
        }
        Ok(Self {
            log_used,
            dropped_series: word(Word::DroppedSeries),
            dropped_operations: word(Word::DroppedOperations),
            cut_label_values: word(Word::CutLabelValues),
            header,
            layout,
            shards,
        })
    }

    pub(super) fn age(&self) -> Age {
        (self.header.created_ns, self.header.instance)
    }

    /// A cell summed over the shards, modulo 2^64, and how often it passed it.
    pub(super) fn sum(&self, slot: u32, offset: u32) -> (u64, u64) {
        let (mut sum, mut carries) = (0_u64, 0_u64);
        for value in self.each(slot, offset) {
            let (next, carry) = sum.overflowing_add(value);
            sum = next;
            carries = carries.saturating_add(u64::from(carry));
        }
        (sum, carries)
    }

    /// A bucket summed over the shards. No program fills one; a hostile file's must not make the count smaller than its parts.
    pub(super) fn bucket(&self, slot: u32, offset: u32) -> u64 {
        self.each(slot, offset).fold(0, u64::saturating_add)
    }

    /// A cell in each of the shards that have it.
    pub(super) fn each(&self, slot: u32, offset: u32) -> impl Iterator<Item = u64> + '_ {
        let at = slot.saturating_add(offset) as usize;
        self.shards.iter().filter_map(move |cells| cells.get(at)).copied()
    }

    /// A cell of the process's shard.
    pub(super) fn process_cell(&self, slot: u32) -> u64 {
        self.shards.first().and_then(|cells| cells.get(slot as usize)).copied().unwrap_or(0)
    }
}

/// The header and what it says of itself, before anything else is read. `size` is the file's.
pub(super) fn read_header(source: &Source, size: u64) -> Result<Header, Error> {
    if size == 0 {
        return Header::decode(&[]);
    }
    let words = source.read(0, words_in(4096))?;
    let page: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    // What lies behind the file's end was read as zeros.
    let header =
        Header::decode(page.get(..usize::try_from(size).unwrap_or(4096)).unwrap_or(&page))?;
    // A segment has its full length from before it gets its name: less of it has been cut off, and would read as zeros too.
    if size < header.geometry.logical_len() {
        let reason = "cut off: it is shorter than it says";
        return Err(Error::new(ErrorKind::NotSegment { reason }));
    }
    Ok(header)
}

fn one(words: &[u64]) -> u64 {
    words.first().copied().unwrap_or(0)
}

fn words_in(bytes: u64) -> usize {
    usize::try_from(bytes / 8).unwrap_or(0)
}

/// What a log says, and what that costs in text.
fn parse_log(mut log: &[u8], slots_used: u32) -> Result<(Layout, u64), Error> {
    let mut layout = Layout::default();
    let (mut text, mut cells) = (0_u64, 0_u64);
    while !log.is_empty() {
        let mut head = Fields::new(log, "a record's head");
        let len = head.u32()? as usize;
        let (kind, flags) = (head.u8()?, head.u8()?);
        head.u16()?;
        let (slot, crc) = (head.u32()?, head.u32()?);
        if len < HEAD || len % 8 != 0 {
            return Err(Error::corrupt("a record's length"));
        }
        let (record, rest) =
            log.split_at_checked(len).ok_or_else(|| Error::corrupt("a record's length"))?;
        if checksum(record) != crc {
            return Err(Error::corrupt("a record's checksum is wrong"));
        }
        let mut payload = Fields::new(record, "a record");
        payload.bytes(HEAD)?;
        match kind {
            FAMILY => {
                let family = family(&mut payload, layout.families.len())?;
                layout.families.push(family);
            }
            SERIES => {
                let block = Block::read(&mut payload, slot, slots_used, &layout.families)?;
                // Before anything is multiplied out. Series that overlapped could be any number of them.
                cells = cells.saturating_add(block.cells());
                text = text.saturating_add(block.text());
                if cells > u64::from(slots_used) || text > MAX_TEXT {
                    return Err(Error::corrupt("more series than it has room for"));
                }
                layout.end = layout.end.max(block.end());
                block.multiply(&mut layout.series);
            }
            _ if flags & MUST_KNOW != 0 => {
                return Err(Error::corrupt("a record of a kind that must be known, and isn't"));
            }
            _ => {}
        }
        log = rest;
    }
    Ok((layout, text))
}

/// Of the record with its checksum field read as 0.
fn checksum(record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let (before, rest) = record.split_at(record.len().min(12));
    let (_, behind) = rest.split_at(rest.len().min(4));
    hasher.update(before);
    hasher.update(&[0; 4]);
    hasher.update(behind);
    hasher.finalize()
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
    if (kind == FamilyKind::Histogram) != (bounds > 0) {
        return Err(Error::corrupt("bounds of what has none, or none of what has some"));
    }
    let bounds = (0..bounds).map(|_| f.u64()).collect::<Result<Vec<_>, _>>()?;
    // As they will be shown: two that differ in nanoseconds only, far out, are one label.
    let shown: Vec<f64> = bounds.iter().map(|bound| cells.bound(*bound)).collect();
    if !shown.iter().zip(shown.iter().skip(1)).all(|(a, b)| a < b)
        || !shown.iter().all(|bound| bound.is_finite())
    {
        return Err(Error::corrupt("bounds that don't ascend"));
    }
    let name = f.string()?.to_owned();
    let unit = f.string()?.to_owned();
    let help = f.string()?.to_owned();
    let file = f.string()?;
    let place = if file.is_empty() { String::new() } else { format!("{file}:{line}") };
    let labels =
        (0..labels).map(|_| f.string().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    // What can't stand in an exposition would spoil all of it.
    let fits = |name: &String| name.len() <= MAX_NAME;
    if !fits(&name) || !labels.iter().all(fits) {
        return Err(Error::corrupt("a name of more than 1,024 bytes"));
    }
    if !is_name(&name, true) || !labels.iter().all(|label| is_name(label, false)) {
        return Err(Error::corrupt("a name with characters that names don't have"));
    }
    let reserved = match kind {
        FamilyKind::Histogram => "le",
        FamilyKind::Gauge | FamilyKind::StateSet => "pid",
        FamilyKind::Summary => "quantile",
        FamilyKind::Counter | FamilyKind::Info => "",
    };
    let distinct: std::collections::BTreeSet<&String> = labels.iter().collect();
    if distinct.len() != labels.len() || labels.iter().any(|label| label == reserved) {
        return Err(Error::corrupt("a label twice, or one that is reserved"));
    }
    Ok(LogFamily { name, unit, help, place, kind, cells, mode, bounds, labels, width })
}

fn is_name(name: &str, colon: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    let mut chars = name.chars();
    chars.next().is_some_and(first) && chars.all(|c| first(c) || c.is_ascii_digit())
}

/// A SERIES record: series for all combinations of its labels' values.
struct Block<'a> {
    family: usize,
    names: &'a [String],
    width: u32,
    slot: u32,
    count: u64,
    sets: Vec<Vec<&'a str>>,
}

impl<'a> Block<'a> {
    fn read(
        f: &mut Fields<'a>,
        slot: u32,
        slots_used: u32,
        families: &'a [LogFamily],
    ) -> Result<Self, Error> {
        let id = f.u32()? as usize;
        let family = families.get(id).ok_or_else(|| Error::corrupt("a series of no family"))?;
        let (width, count) = (f.u32()?, u64::from(f.u32()?));
        if width != family.width {
            return Err(Error::corrupt("a series' width"));
        }
        f.u64()?; // created
        let end = u64::from(slot).saturating_add(count.saturating_mul(u64::from(width)));
        if slot == 0 || slot >= MAX_CELLS || end > u64::from(slots_used) {
            return Err(Error::corrupt("a series outside the slots in use"));
        }
        let mut sets = Vec::new();
        for _ in &family.labels {
            let n = f.u16()?;
            sets.push((0..n).map(|_| f.string()).collect::<Result<Vec<_>, _>>()?);
        }
        let product = sets.iter().try_fold(1_u64, |p, set| p.checked_mul(set.len() as u64));
        if product != Some(count) {
            return Err(Error::corrupt("the number of a record's series"));
        }
        if sets.iter().flatten().any(|value| value.len() > MAX_LABEL_VALUE) {
            return Err(Error::corrupt("a label value of more than 1,024 bytes"));
        }
        Ok(Self { family: id, names: &family.labels, width, slot, count, sets })
    }

    fn cells(&self) -> u64 {
        self.count.saturating_mul(u64::from(self.width))
    }

    fn end(&self) -> u32 {
        // Within the slots in use, as `read` made sure.
        let cells = u32::try_from(self.cells()).unwrap_or(u32::MAX);
        self.slot.saturating_add(cells)
    }

    /// Bytes that an exposition of these series will have in labels, at most.
    fn text(&self) -> u64 {
        let longest = |set: &Vec<&str>| set.iter().map(|value| value.len()).max().unwrap_or(0);
        let line = self.names.iter().zip(&self.sets).fold(LABEL_COST, |line, (name, set)| {
            let bytes = (name.len() as u64).saturating_add(longest(set) as u64);
            line.saturating_add(LABEL_COST).saturating_add(bytes)
        });
        line.saturating_mul(self.cells())
    }

    /// The last label runs fastest.
    fn multiply(self, series: &mut Vec<LogSeries>) {
        let mut at = self.slot;
        for index in 0..self.count {
            let mut rest = index;
            let mut values: Vec<String> = Vec::with_capacity(self.sets.len());
            for set in self.sets.iter().rev() {
                let n = (set.len() as u64).max(1);
                let which = rest.checked_rem(n).unwrap_or(0);
                rest = rest.checked_div(n).unwrap_or(0);
                let value = usize::try_from(which).ok().and_then(|which| set.get(which));
                values.push(value.copied().unwrap_or_default().to_owned());
            }
            values.reverse();
            series.push(LogSeries { family: self.family, slot: at, values });
            at = at.saturating_add(self.width);
        }
    }
}
