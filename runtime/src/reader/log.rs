//! Splits a segment's series log into the part that processes of one program have in common, and
//! the part that is each process's own. Every byte is hostile.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;

use crate::error::Error;
use crate::model::sorted::SortedMap;
use crate::segment::format::Fields;
use crate::segment::records::{EXEMPLARS, FAMILY, HEAD, MUST_KNOW, NATIVE_BLOCK, REMOVE, SERIES};

use super::exemplar_places::Places;
use super::native_blocks::Blocks;

/// A log, split into its parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// The records of families and series, with the times of creation set to 0, and also the
    /// checksums, which cover these times. Processes that declare the same things in the same order
    /// have the same bytes here.
    pub(crate) common: Vec<u8>,
    /// When the series of each SERIES record were created, in nanoseconds after the log's epoch.
    pub(crate) created: Vec<u64>,
    pub(crate) removed: Removed,
    pub(crate) blocks: Blocks,
    pub(crate) places: Places,
}

/// The cells of removed series. The key is the first cell; the value is the cell behind the last,
/// and the time of removal in nanoseconds after the log's epoch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Removed(SortedMap<u32, (u32, u64)>);

impl Removed {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of memory that it takes.
    pub(crate) fn size(&self) -> usize {
        self.0.len().saturating_mul(32)
    }

    /// When the series at this slot was removed.
    pub(crate) fn at(&self, slot: u32) -> Option<u64> {
        // The usual case, on a path that is taken for each series of each process.
        if self.0.is_empty() {
            return None;
        }
        let (_, (end, at)) = self.0.last_up_to(&slot)?;
        (slot < *end).then_some(*at)
    }

    /// These, and those that a later part of the log removes.
    pub(crate) fn and(&self, more: Self) -> Result<Self, Error> {
        let mut all = self.clone();
        for (slot, (end, at)) in more.0 {
            all.insert(slot, end.saturating_sub(slot), at)?;
        }
        Ok(all)
    }

    #[cfg(test)]
    pub(crate) fn of(slot: u32, cells: u32, at: u64) -> Self {
        let mut removed = Self::default();
        removed.insert(slot, cells, at).unwrap();
        removed
    }

    fn insert(&mut self, slot: u32, cells: u32, at: u64) -> Result<(), Error> {
        let end = slot.saturating_add(cells);
        let overlaps = self.0.from(&slot).next().is_some_and(|(first, _)| *first < end);
        if cells == 0 || self.at(slot).is_some() || overlaps {
            return Err(Error::corrupt("a series that was removed twice"));
        }
        self.0.insert(slot, (end, at));
        Ok(())
    }
}

/// The offset of the time of creation in a SERIES record: behind family, width and count.
const CREATED_AT: usize = HEAD + 12;
const CRC_AT: usize = 12;

impl Log {
    pub(crate) fn parse(mut log: &[u8]) -> Result<Self, Error> {
        let mut parsed = Self { common: Vec::with_capacity(log.len()), ..Self::default() };
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
            let from = parsed.common.len();
            parsed.common.extend_from_slice(record);
            let common = parsed.common.get_mut(from..).unwrap_or_default();
            blank(common, CRC_AT..HEAD);
            // The checksum was computed with its own field set to 0, and covers the whole record.
            if crc32fast::hash(common) != crc {
                return Err(Error::corrupt("a record's checksum is wrong"));
            }
            match kind {
                FAMILY => {}
                SERIES => {
                    let mut payload = Fields::new(record, "a record");
                    payload.bytes(CREATED_AT)?;
                    parsed.created.push(payload.u64()?);
                    blank(common, CREATED_AT..CREATED_AT.saturating_add(8));
                }
                REMOVE => {
                    let mut payload = Fields::new(record, "a record");
                    payload.bytes(HEAD)?;
                    let cells = payload.u32()?;
                    payload.u32()?;
                    parsed.removed.insert(slot, cells, payload.u64()?)?;
                    parsed.common.truncate(from);
                }
                NATIVE_BLOCK => {
                    let mut payload = Fields::new(record, "a record");
                    payload.bytes(HEAD)?;
                    parsed.blocks.read(slot, &mut payload)?;
                    parsed.common.truncate(from);
                }
                EXEMPLARS => {
                    let mut payload = Fields::new(record, "a record");
                    payload.bytes(HEAD)?;
                    parsed.places.read(slot, &mut payload)?;
                    parsed.common.truncate(from);
                }
                _ if flags & MUST_KNOW != 0 => {
                    let what = "a record that must be known, of an unknown kind";
                    return Err(Error::unknown(what));
                }
                _ => parsed.common.truncate(from),
            }
            log = rest;
        }
        Ok(parsed)
    }
}

fn blank(record: &mut [u8], field: Range<usize>) {
    if let Some(bytes) = record.get_mut(field) {
        bytes.fill(0);
    }
}
