//! Writes the records of the series log.
//!
//! This module is pure. The reader's half is in `reader`.

use crate::declare::descriptor::{Bounds, Descriptor};
use crate::model::GaugeMode;
use crate::model::cells::BLOCK;
use crate::model::text::cut;

use super::checksum::crc32;

pub(crate) const FAMILY: u8 = 1;
pub(crate) const SERIES: u8 = 2;
pub(crate) const REMOVE: u8 = 3;
pub(crate) const NATIVE_BLOCK: u8 = 6;
pub(crate) const EXEMPLARS: u8 = 7;
/// A reader that doesn't know a record kind with this bit must skip the segment.
pub(crate) const MUST_KNOW: u8 = 0x80;

pub(crate) const HEAD: usize = 16;
const CRC_AT: usize = 12;

/// The cost of a label to a reader beside its bytes; and the maximum cost of one log. A writer
/// stays below it, because a reader would reject the segment otherwise.
pub(crate) const LABEL_COST: u64 = 64;
pub(crate) const MAX_TEXT: u64 = 256 << 20;

/// The maximum cost of these series' labels in an exposition.
pub(crate) fn text(names: &[&str], width: u32, sets: &[Vec<&str>]) -> u64 {
    let lines = sets.iter().fold(u64::from(width), |n, set| n.saturating_mul(set.len() as u64));
    let line = names.iter().zip(sets).fold(LABEL_COST, |line, (name, set)| {
        let longest = set.iter().map(|value| value.len()).max().unwrap_or(0);
        line + LABEL_COST + name.len() as u64 + longest as u64
    });
    line.saturating_mul(lines)
}

/// Appends records, each complete and with a checksum.
pub(crate) struct LogWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> LogWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    pub(crate) fn family(&mut self, id: u32, d: &Descriptor, label_names: &[&str]) {
        self.record(FAMILY, 0, |out| put_family(out, id, d, label_names));
    }

    /// One series for each combination of the labels' values; the last label varies fastest.
    pub(crate) fn series(
        &mut self,
        family: u32,
        slot: u32,
        width: u32,
        created: u64,
        sets: &[Vec<&str>],
    ) {
        let count = sets.iter().map(Vec::len).product::<usize>();
        self.record(SERIES, slot, |out| {
            put_u32(out, family);
            put_u32(out, width);
            put_u32(out, u32::try_from(count).unwrap_or(u32::MAX));
            put_u64(out, created);
            for set in sets {
                put_u16(out, set.len());
                for value in set {
                    put_string(out, value);
                }
            }
        });
    }

    /// Marks the series in these cells as removed.
    pub(crate) fn remove(&mut self, slot: u32, cells: u32, when: u64) {
        self.record(REMOVE, slot, |out| {
            put_u32(out, cells);
            put_u32(out, 0);
            put_u64(out, when);
        });
    }

    /// The cells from `slot` on are neighbouring buckets of a native histogram.
    pub(crate) fn native_block(&mut self, slot: u32, series: u32, first: i32, is_negative: bool) {
        self.record(NATIVE_BLOCK, slot, |out| {
            put_u32(out, series);
            put_u32(out, BLOCK);
            out.extend_from_slice(&first.to_le_bytes());
            put_u32(out, u32::from(is_negative));
        });
    }

    /// The cells from `slot` on are places of exemplars of a series.
    pub(crate) fn exemplars(&mut self, slot: u32, series: u32, cells: u32) {
        self.record(EXEMPLARS, slot, |out| {
            put_u32(out, series);
            put_u32(out, cells);
        });
    }

    fn record(&mut self, kind: u8, slot: u32, payload: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        put_u32(self.out, 0);
        self.out.extend_from_slice(&[kind, 0, 0, 0]);
        put_u32(self.out, slot);
        put_u32(self.out, 0);
        payload(self.out);
        self.out.resize(self.out.len().next_multiple_of(8), 0);
        let len = u32::try_from(self.out.len() - start).unwrap_or(u32::MAX);
        self.out[start..start + 4].copy_from_slice(&len.to_le_bytes());
        let crc = crc32(&self.out[start..]);
        self.out[start + CRC_AT..start + HEAD].copy_from_slice(&crc.to_le_bytes());
    }
}

/// What equal declarations have in common: the payload of their family's record, without its number
/// and the place in the source.
pub(crate) fn family_key(d: &Descriptor, label_names: &[&str]) -> Vec<u8> {
    let mut key = Vec::new();
    put_family(&mut key, 0, &Descriptor { file: "", line: 0, ..*d }, label_names);
    key
}

fn put_family(out: &mut Vec<u8>, id: u32, d: &Descriptor, label_names: &[&str]) {
    put_u32(out, id);
    let (metric, value) = d.kind.encoding().code();
    out.extend_from_slice(&[metric, value, GaugeMode::code_of(d.mode_if_any()), d.schema]);
    put_u16(out, label_names.len());
    put_u16(out, d.bounds.len());
    put_u32(out, d.line);
    match d.bounds {
        Bounds::None => {}
        Bounds::Float(b) => b.iter().for_each(|v| put_u64(out, v.to_bits())),
        Bounds::Nanos(b) => b.iter().for_each(|v| put_u64(out, *v)),
    }
    for text in [d.name, d.unit, d.help, d.file] {
        put_string(out, text);
    }
    for name in label_names {
        put_string(out, name);
    }
}

/// A copy of a series' record for other cells and another time of creation.
pub(crate) fn moved(record: &[u8], slot: u32, created: u64) -> Vec<u8> {
    const SLOT_AT: usize = 8;
    // After the fields family, width and count.
    const CREATED_AT: usize = HEAD + 12;
    let mut record = record.to_vec();
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = record.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(SLOT_AT, &slot.to_le_bytes());
    put(CREATED_AT, &created.to_le_bytes());
    put(CRC_AT, &[0; 4]);
    let crc = crc32(&record);
    if let Some(field) = record.get_mut(CRC_AT..HEAD) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
    record
}

pub(crate) fn put_u16(out: &mut Vec<u8>, v: usize) {
    put(out, &u16::try_from(v).unwrap_or(u16::MAX).to_le_bytes());
}

pub(crate) fn put_u32(out: &mut Vec<u8>, v: u32) {
    put(out, &v.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, v: u64) {
    put(out, &v.to_le_bytes());
}

/// Out of line: there are many fields, and each would check the capacity.
#[inline(never)]
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
}

/// Writes a string, truncated at a character boundary if its length does not fit.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    let text = cut(text, usize::from(u16::MAX));
    put_u16(out, text.len());
    out.extend_from_slice(text.as_bytes());
}
