//! Decodes one segment: what it contains at one moment.
//!
//! The process that owns the segment may write to it meanwhile, so the order of the reads matters:
//! first the length of the log, then everything that was stored before that length. Every byte is
//! hostile: no number is used before it was checked, and anything that is wrong becomes an error
//! that says what it is.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::model::MetricType;
use crate::model::exact_sum::ExactSum;
use crate::model::exemplar::Held;
use crate::model::instance::Age;
use crate::segment::format::{Header, LIMITS_OFF, LOG_OFF, LogPlace, MINOR, WORDS_OFF, Word};

use super::counted::Counted;
use super::exemplar_places::Places;
use super::family::Wrong;
use super::layout::{Floats, Layout, LogSeries};
use super::log::{Log, Removed};
use super::log_reader::Logs;
use super::native_blocks::Blocks;
use super::shard_cells::ShardCells;
use super::source::{Source, bytes_in};
use super::times::{TimeBase, Times};

/// The longest log that is read, whatever length a file claims. It bounds the cost of one file.
const MAX_LOG: u64 = 64 << 20;
/// The most cells that are read from one segment, over all shards: 256 MiB of addresses. Only cells
/// that exist in the file take memory.
const MAX_READ: u64 = 1 << 25;

/// The content of a segment at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) log: Arc<SegmentLog>,
    pub(crate) dropped_series: u64,
    pub(crate) dropped_operations: u64,
    pub(crate) cut_label_values: u64,
    /// The cells in use of each shard. Shard 0 is the process's own.
    pub(crate) shards: Vec<ShardCells>,
    /// Shard 0, read a second time, if the segment has gauges that record when they were set.
    pub(crate) later: Vec<u64>,
    /// The exemplars, each with the slot of its series, in ascending order.
    pub(crate) exemplars: Vec<(u32, Held)>,
    /// Converts the segment's times to the reader's time base.
    pub(crate) times: Times,
}

/// The content of a segment's log, up to the length that was read. The log may grow, but nothing
/// that is in it changes.
#[derive(Clone, Debug)]
pub(crate) struct SegmentLog {
    pub(crate) id: LogId,
    pub(crate) layout: Arc<Layout>,
    /// When the process created the series of each record, in nanoseconds since 1970.
    pub(crate) since: Vec<u64>,
    pub(crate) removed: Removed,
    /// The blocks of native histograms.
    pub(crate) blocks: Blocks,
    /// The places of exemplars.
    pub(crate) places: Places,
}

/// Identifies one of a segment's logs, and a length of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogId {
    /// How many times the log was rewritten before.
    written: u64,
    place: LogPlace,
    len: u64,
}

impl LogId {
    #[cfg(test)]
    pub(crate) fn of_len(len: u64) -> Self {
        Self { len, ..Self::default() }
    }

    /// Orders two copies of one segment: the copy with the later log, or with more of the same log,
    /// is the newer.
    pub(crate) fn age(self) -> (u64, u64) {
        (self.written, self.len)
    }

    /// How many bytes the log has grown by since `earlier`; `None` if it is a different log.
    fn grown_since(self, earlier: Self) -> Option<u64> {
        let is_same = (self.written, self.place) == (earlier.written, earlier.place);
        self.len.checked_sub(earlier.len).filter(|_| is_same)
    }
}

impl SegmentLog {
    /// Reads the part of the log that was not read at an earlier collection.
    fn read(
        source: &Source,
        header: &Header,
        id: LogId,
        slots_used: u32,
        logs: &mut Logs,
    ) -> Result<Self, Error> {
        let earlier = logs.earlier(header.instance).cloned();
        let earlier = earlier.and_then(|earlier| Some((id.grown_since(earlier.id)?, earlier)));
        let more = earlier.as_ref().map_or(id.len, |(more, _)| *more);
        let from = LOG_OFF.saturating_add(id.place.start());
        let from = from.saturating_add(id.len.saturating_sub(more));
        let words = source.read(from, words_in(more))?;
        let Log { common, created, removed, blocks, places } = Log::parse(&bytes_in(&words))?;
        // A forked child begins with a copy of its parent's log, but it had none of these series
        // before it had a segment of its own.
        let since = |delta: u64| header.log_epoch_ns.saturating_add(delta).max(header.created_ns);
        let new = created.into_iter().map(since);
        let Some((_, earlier)) = earlier else {
            let layout = logs.layouts.of(common, slots_used)?;
            return Self { id, layout, since: new.collect(), removed, blocks, places }
                .checked(slots_used);
        };
        let extended = logs.layouts.extended(&earlier.layout, &common, slots_used);
        let Some(layout) = extended.transpose()? else {
            // The bytes of the earlier log are no longer cached, so all of the log is read.
            logs.forget(header.instance);
            return Self::read(source, header, id, slots_used, logs);
        };
        let since = earlier.since.iter().copied().chain(new).collect();
        let removed = earlier.removed.and(removed)?;
        let blocks = earlier.blocks.and(blocks)?;
        let places = earlier.places.and(places)?;
        Self { id, layout, since, removed, blocks, places }.checked(slots_used)
    }

    /// Cells of two series, as of a block and of a counter, are damage, and so are counts in a
    /// place of an exemplar.
    fn checked(self, slots_used: u32) -> Result<Self, Error> {
        // First, since each block and each place is looked up below: there may be more than any
        // segment has cells for.
        self.fits(slots_used)?;
        let is_counted = |slots: &Range<u32>| self.layout.runs.overlap(slots);
        if self.blocks.slots().any(|slots| is_counted(&slots)) {
            return Err(Error::corrupt("blocks of native histograms that overlap other cells"));
        }
        let is_taken = |slots: &Range<u32>| self.blocks.overlap(slots) || is_counted(slots);
        if self.places.slots().any(|slots| is_taken(&slots)) {
            return Err(Error::corrupt("places for exemplars that overlap other cells"));
        }
        Ok(self)
    }

    /// Checks that everything lies in the slots in use of a segment with this log.
    fn fits(&self, slots_used: u32) -> Result<(), Error> {
        let cells = self.blocks.cells().saturating_add(self.layout.cells);
        if self.blocks.end() > slots_used || cells > u64::from(slots_used) {
            return Err(Error::corrupt("more blocks of native histograms than it has space for"));
        }
        let cells = self.places.cells().saturating_add(cells);
        if self.places.end() > slots_used || cells > u64::from(slots_used) {
            return Err(Error::corrupt("more places for exemplars than it has space for"));
        }
        Ok(())
    }
}

impl Segment {
    pub(crate) fn read(source: &Source, header: Header, logs: &mut Logs) -> Result<Self, Error> {
        Self::read_from(source, Front { header, words: None }, logs)
    }

    /// Reads a segment whose first pages were read already.
    pub(crate) fn read_from(
        source: &Source,
        Front { header, words }: Front,
        logs: &mut Logs,
    ) -> Result<Self, Error> {
        let is_later = header.minor > MINOR;
        let read = Self::read_all(source, &header, words, logs);
        read.map_err(|e| if is_later { e.in_later_version() } else { e })
    }

    /// Returns an error if the segment contains metrics that this version does not know. They are
    /// left out, and the segment must not be compacted.
    pub(crate) fn unknown(&self) -> Option<Error> {
        let layout = &self.log.layout;
        // What is wrong here may have a meaning in a later version.
        let is_later = self.header.minor > MINOR && !layout.wrong.is_empty();
        (layout.has_unknown || is_later)
            .then(|| Error::unknown("metrics of a type that this version doesn't know"))
    }

    /// Returns an error if the segment contains families that no page can show. They are left out.
    pub(crate) fn wrong(&self) -> Option<Error> {
        let (first, others) = self.log.layout.wrong.split_first()?;
        let Wrong { name, rule } = first;
        let more = match others.len() {
            0 => String::new(),
            1 => " (and another family)".to_owned(),
            more => format!(" (and {more} other families)"),
        };
        let message = format!("the family `{name}` is left out{more}: {rule}");
        Some(Error::invalid(message))
    }

    /// What a collection reports of a segment that it reads.
    pub(crate) fn left_out(&self) -> Option<Error> {
        self.unknown().or_else(|| self.wrong())
    }

    fn read_all(
        source: &Source,
        header: &Header,
        mut words: Option<Words>,
        logs: &mut Logs,
    ) -> Result<Self, Error> {
        // If the log is rewritten meanwhile, it describes other cells than those that were read,
        // and the segment is read again.
        for _ in 0..source.attempts() {
            let words = words.take().map_or_else(|| Words::read(source), Ok)?;
            let which = words.which_log();
            core::sync::atomic::fence(core::sync::atomic::Ordering::Acquire);
            let read = Self::attempt(source, header.clone(), logs, words);
            core::sync::atomic::fence(core::sync::atomic::Ordering::Acquire);
            if which == Words::log(source)? {
                return read;
            }
        }
        Err(Error::new(ErrorKind::Overtaken))
    }

    /// Reads the length of the log first, and then everything that was stored before that length.
    fn attempt(
        source: &Source,
        header: Header,
        logs: &mut Logs,
        mut words: Words,
    ) -> Result<Self, Error> {
        let geometry = header.geometry;
        let (place, len) = LogPlace::of(words.of(Word::LogUsed));
        let end = place.start().saturating_add(len);
        if len > MAX_LOG || end > geometry.log_cap() || len % 8 != 0 {
            return Err(Error::corrupt("the length of the log"));
        }
        let id = LogId { written: words.of(Word::LogsWritten), place, len };
        // If an earlier collection saw the same length, everything that was stored before that
        // length is in these words already. Otherwise some of the words may be older than the
        // length beside them.
        if !logs.knows(header.instance, id) {
            words = Words::read(source)?;
        }
        let word = |word| words.of(word);
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

        let log = match logs.known(header.instance, id, slots_used)? {
            Some(log) => log,
            None => Arc::new(SegmentLog::read(source, &header, id, slots_used, logs)?),
        };
        // Also for a log that an earlier collection has read: a forged file may say by now that
        // fewer slots are in use.
        log.fits(slots_used)?;
        let end = log.layout.end.max(log.blocks.end());

        let mut shards = Vec::new();
        let mut left = MAX_READ;
        for (shard, limit) in (0..shards_used).zip(words.limits()) {
            // Cells behind the last series carry no data, and exemplars are in shard 0 only.
            let end = if shard == 0 { end.max(log.places.end()) } else { end };
            let cells = u64::from(limit.min(end));
            left = left.checked_sub(cells).ok_or_else(|| Error::corrupt("too many cells"))?;
            let cells = usize::try_from(cells).unwrap_or(0);
            shards.push(source.shard(geometry.shard_off(shard), cells, &mut logs.buffer)?);
        }
        // First the time, then the value: then the value is at least as new as the time says.
        core::sync::atomic::fence(core::sync::atomic::Ordering::Acquire);
        let again =
            if log.layout.has_recent { shards.first().map_or(0, ShardCells::end) } else { 0 };
        let later = source.read(geometry.shard_off(0), again)?;
        // If the file was truncated meanwhile, the missing part was read as zeros. Counters that
        // fall would be worse than an error.
        if let Some(size) = source.size()? {
            check_length(&header, size)?;
        }
        let exemplars = shards.first().map(|shard| log.places.held(shard)).unwrap_or_default();
        Ok(Self {
            exemplars,
            times: Times::default(),
            later,
            dropped_series: word(Word::DroppedSeries),
            dropped_operations: word(Word::DroppedOperations),
            cut_label_values: word(Word::CutLabelValues),
            header,
            log,
            shards,
        })
    }

    /// The number of cells that were read.
    pub(crate) fn cells(&self) -> usize {
        // In units of a cell, in which a limit is counted.
        let exemplars = size_of_val(&*self.exemplars) >> 3;
        let own = self.later.len().saturating_add(exemplars);
        self.shards.iter().fold(own, |cells, shard| cells.saturating_add(shard.len()))
    }

    /// The time base of the segment's times.
    pub(crate) fn time_base(&self) -> TimeBase {
        TimeBase::of(&self.header)
    }

    pub(crate) fn age(&self) -> Age {
        (self.header.created_ns, self.header.instance)
    }

    /// The values of one cell in all shards that contain it.
    fn each(&self, slot: u32, offset: u32) -> impl Iterator<Item = u64> {
        let at = slot.saturating_add(offset) as usize;
        self.shards.iter().filter_map(move |cells| cells.get(at))
    }

    /// Adds the values that an `f64` cell has in the shards.
    pub(crate) fn add_floats_at(&self, Floats { slot, kind }: Floats, to: &mut ExactSum) {
        let counted = self.each(slot, 0).map(f64::from_bits);
        // No program records a negative count or NaN. A NaN would also keep the archive from being
        // written.
        let counted = counted.filter(|n| kind != MetricType::Counter || *n >= 0.0);
        counted.for_each(|n| to.add(n));
    }

    /// When a gauge was set last, and its value; `None` if it was never set.
    pub(crate) fn recent(&self, slot: u32) -> Option<(u64, f64)> {
        let when = self.process_cell(slot);
        let value = self.later.get(slot.saturating_add(1) as usize).copied().unwrap_or(0);
        let value = crate::model::cells::decode(value).filter(|_| when > 0);
        value.map(|value| (self.times.at(when), value))
    }

    /// When a series was created and removed; [`ENDLESS`] if it was not removed.
    pub(crate) fn span(&self, series: &LogSeries) -> (u64, u64) {
        let from =
            self.log.since.get(series.record as usize).copied().unwrap_or(self.header.created_ns);
        let until = self.log.removed.at(series.slot);
        let until = until.map(|delta| self.header.log_epoch_ns.saturating_add(delta));
        let until = until.map(|until| self.times.at(until));
        let from = self.times.at(from);
        (from, until.map_or(ENDLESS, |until| until.max(from)))
    }

    /// The exemplars of the series at this slot.
    pub(crate) fn exemplars_of(&self, slot: u32) -> &[(u32, Held)] {
        let from = self.exemplars.partition_point(|(series, _)| *series < slot);
        let all = self.exemplars.get(from..).unwrap_or_default();
        let until = all.partition_point(|(series, _)| *series == slot);
        all.get(..until).unwrap_or_default()
    }

    /// A cell of the process's own shard.
    pub(crate) fn process_cell(&self, slot: u32) -> u64 {
        self.shards.first().and_then(|cells| cells.get(slot as usize)).unwrap_or(0)
    }
}

impl Counted for Segment {
    fn sum(&self, slot: u32, offset: u32) -> (u64, u64) {
        let (mut sum, mut carries) = (0_u64, 0_u64);
        for value in self.each(slot, offset) {
            let (next, carry) = sum.overflowing_add(value);
            sum = next;
            carries = carries.saturating_add(u64::from(carry));
        }
        (sum, carries)
    }

    fn add_floats(&self, series: &LogSeries, kind: MetricType, to: &mut ExactSum) {
        self.add_floats_at(Floats { slot: series.slot, kind }, to);
    }
}

/// The first pages of a segment: the header, and the words that change.
pub(crate) struct Front {
    pub(crate) header: Header,
    /// `None`: they are read later.
    words: Option<Words>,
}

impl Front {
    /// Reads them with one call, and checks the header. `size` is the size of the file.
    pub(crate) fn read(source: &Source, size: u64) -> Result<Self, Error> {
        let all = source.read(0, words_in(LOG_OFF))?;
        let (page, words) = all.split_at_checked(words_in(WORDS_OFF)).unwrap_or_default();
        let header = header(page, size)?;
        Ok(Self { header, words: Some(Words(words.to_vec())) })
    }

    /// Has the words read once more, if something is known by now that must be known before.
    pub(crate) fn without_words(self) -> Self {
        Self { words: None, ..self }
    }
}

/// Reads and checks the header, before anything else is read. `size` is the size of the file.
pub(crate) fn read_header(source: &Source, size: u64) -> Result<Header, Error> {
    header(&source.read(0, words_in(WORDS_OFF))?, size)
}

fn header(page: &[u64], size: u64) -> Result<Header, Error> {
    let page = bytes_in(page);
    // Bytes behind the end of the file were read as zeros.
    let page = page.get(..usize::try_from(size).unwrap_or(4096)).unwrap_or(&page);
    let header = Header::decode(page)?;
    check_length(&header, size)?;
    Ok(header)
}

/// A segment gets its full length before it gets its name, so a shorter one was truncated.
fn check_length(header: &Header, size: u64) -> Result<(), Error> {
    if size < header.geometry.logical_len() {
        let reason = "cut off: it is shorter than it says";
        return Err(Error::new(ErrorKind::NotSegment { reason }));
    }
    Ok(())
}

/// The words of a segment that change, and the limits of its shards behind them.
struct Words(Vec<u64>);

impl Words {
    fn read(source: &Source) -> Result<Self, Error> {
        Ok(Self(source.read(WORDS_OFF, words_in(LOG_OFF.saturating_sub(WORDS_OFF)))?))
    }

    /// The log that is in force now.
    fn log(source: &Source) -> Result<(LogPlace, u64), Error> {
        let words = [Word::LogUsed.offset(), Word::LogsWritten.offset()];
        let [used, written] = source.current(words)?;
        Ok((LogPlace::of(used).0, written))
    }

    /// Where the log is, and how many times it was rewritten.
    fn which_log(&self) -> (LogPlace, u64) {
        (LogPlace::of(self.of(Word::LogUsed)).0, self.of(Word::LogsWritten))
    }

    fn at(offset: u64) -> usize {
        words_in(offset.saturating_sub(WORDS_OFF))
    }

    fn of(&self, word: Word) -> u64 {
        self.0.get(Self::at(word.offset())).copied().unwrap_or(0)
    }

    fn limits(&self) -> impl Iterator<Item = u32> {
        let limits = self.0.get(Self::at(LIMITS_OFF)..).unwrap_or_default();
        limits.iter().flat_map(|pair| {
            #[expect(clippy::cast_possible_truncation, reason = "two limits share a word")]
            [*pair as u32, (*pair >> 32) as u32]
        })
    }
}

fn words_in(bytes: u64) -> usize {
    usize::try_from(bytes / 8).unwrap_or(0)
}

/// The end of a span that has not ended: the series was not removed.
pub(crate) const ENDLESS: u64 = u64::MAX;

#[cfg(test)]
mod tests;
