//! A copy of the segment's log, and what the writer must know of it to append to it: which families
//! and how many slots it has.
//!
//! The copy is needed in a child, which can't read its parent's file any more, and whose segment
//! begins with the same log, so that every slot stays valid.

use core::sync::atomic::Ordering;
use std::io;

use crate::declare::descriptor::Descriptor;
use crate::fault;
use crate::kernel;
use crate::model::cells::MAX_CELLS;
use crate::model::sorted::SortedMap;
use crate::segment::format::{LOG_OFF, LogPlace, Word};
use crate::segment::memory::Memory;
use crate::segment::publish::{Places, publish, rewrite};
use crate::segment::records::{LogWriter, MAX_TEXT, family_key};
use crate::segment::shard;

/// The name of a family, and those of its labels.
pub(super) type FamilyNames = (&'static str, Vec<String>);

#[derive(Debug)]
pub(super) struct LogCopy {
    pub(super) bytes: Vec<u8>,
    /// The position of the log in the segment.
    place: LogPlace,
    /// The next slot to assign; slot 0 is never assigned.
    pub(super) slots_used: u32,
    /// The id of each family, by what equal declarations have in common.
    families: SortedMap<Vec<u8>, u32>,
    /// The names of each family, by its id.
    names: Vec<FamilyNames>,
    /// The cost of the labels to a reader: see `LABEL_COST`.
    pub(super) text: u64,
    /// The time of the last removal of a series, in nanoseconds since the log's epoch.
    pub(super) last_removed: u64,
}

/// Records that are written but not visible yet.
pub(super) struct Planned {
    pub(super) records: Vec<u8>,
    families: SortedMap<Vec<u8>, u32>,
    names: Vec<FamilyNames>,
    pub(super) slot: u32,
    pub(super) width: u32,
    pub(super) text: u64,
}

/// There is no space in the segment.
pub(super) fn full() -> io::Error {
    io::Error::from(kernel::io::Errno::NOSPC)
}

impl LogCopy {
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            place: LogPlace::FIRST,
            slots_used: 1,
            families: SortedMap::new(),
            names: Vec::new(),
            text: 0,
            last_removed: 0,
        }
    }

    /// The names of the families and their labels, by the families' ids.
    pub(super) fn names(&self) -> &[FamilyNames] {
        &self.names
    }

    /// A new segment begins with this log.
    pub(super) fn is_first_in_segment(&mut self) {
        self.place = LogPlace::FIRST;
    }

    /// Begins to plan records for `width` cells behind all others.
    pub(super) fn plan(&self, width: u32) -> Planned {
        Planned {
            records: Vec::new(),
            families: SortedMap::new(),
            names: Vec::new(),
            slot: self.slots_used,
            width,
            text: 0,
        }
    }

    /// The family's id. Plans its record if the family is new.
    pub(super) fn family(&self, plan: &mut Planned, d: &Descriptor, labels: &[&str]) -> u32 {
        let key = family_key(d, labels);
        if let Some(id) = plan.families.get(&key).or_else(|| self.families.get(&key)) {
            return *id;
        }
        // At most the number of series, which is below 2^24.
        let id = u32::try_from(self.families.len() + plan.families.len()).unwrap_or(u32::MAX);
        LogWriter::new(&mut plan.records).family(id, d, labels);
        plan.families.insert(key, id);
        plan.names.push((d.name, labels.iter().map(|label| (*label).to_owned()).collect()));
        id
    }

    /// Writes blocks, records, `slots_used` and `log_used`, in this order, so that neither a reader
    /// nor a kill at any point finds a half-written entry.
    pub(super) fn commit(&mut self, memory: &mut Memory, plan: Planned) -> io::Result<u32> {
        let text = self.text.saturating_add(plan.text);
        if text > MAX_TEXT {
            return Err(full());
        }
        let end = plan.slot.checked_add(plan.width).filter(|end| *end < MAX_CELLS);
        let end = end.ok_or_else(full)?;
        memory.grow_shard(0, end)?;
        self.append(memory, &plan.records, end.max(self.slots_used))?;
        let slot = plan.slot;
        self.text = text;
        self.admit(plan);
        Ok(slot)
    }

    /// The families of this plan are in the log.
    pub(super) fn admit(&mut self, plan: Planned) {
        self.families.extend(plan.families);
        self.names.extend(plan.names);
    }

    fn places(place: LogPlace) -> Places {
        Places {
            log: LOG_OFF + place.start(),
            log_used: Word::LogUsed.offset(),
            logs_written: Word::LogsWritten.offset(),
            slots_used: Word::SlotsUsed.offset(),
            base: place.word(),
        }
    }

    /// Publishes records, and that all slots below `end` are assigned.
    pub(super) fn append(
        &mut self,
        memory: &mut Memory,
        records: &[u8],
        end: u32,
    ) -> io::Result<()> {
        let used = (self.bytes.len() + records.len()) as u64;
        memory.grow_head(self.place.start() + used)?;
        publish(memory, Self::places(self.place), self.bytes.len() as u64, records, end);
        self.bytes.extend_from_slice(records);
        self.slots_used = end;
        shard::set_process(memory.shard(0));
        Ok(())
    }

    /// Replaces the log by another one: before it, if there is space, or behind it. From then on
    /// all slots below `end` are assigned.
    pub(super) fn replace(
        &mut self,
        memory: &mut Memory,
        log: Vec<u8>,
        end: u32,
    ) -> io::Result<()> {
        let (at, len) = (self.place.start(), log.len() as u64);
        let start = if len <= at { 0 } else { at + self.bytes.len() as u64 };
        let place = self.place.next(start).ok_or_else(full)?;
        memory.grow_head(start + len)?;
        let places = Self::places(place);
        let number = memory.word(Word::LogsWritten).load(Ordering::Relaxed).wrapping_add(1);
        let word = rewrite(memory, places, number, &log, end);
        fault::step!(
            "rewrite_log.switch",
            memory.word(Word::LogUsed).store(word, Ordering::Release)
        );
        (self.bytes, self.place, self.slots_used) = (log, place, end);
        Ok(())
    }
}
