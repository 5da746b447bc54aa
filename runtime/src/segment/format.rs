//! The layout of a segment, as `FORMAT.md` specifies it: constants, each derived from the previous
//! one, and the coding of the header.
//!
//! This module is pure: it uses no file, no memory and no clock. Its decoder treats every byte as
//! hostile.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::error::{Error, ErrorKind};
use crate::model::instance::InstanceId;

use super::checksum::crc32;

pub(crate) const MAGIC: [u8; 8] = *b"HCSEG\r\n\x1a";
pub(crate) const MAJOR: u16 = 2;
/// The oldest version that is read. Its log is where the first log of this version is.
const OLDEST: u16 = 1;
pub(crate) const MINOR: u16 = 5;

pub(crate) const HEADER_LEN: u64 = 4096;
const CRC_AT: usize = 4092;

pub(crate) const WORDS_OFF: u64 = HEADER_LEN;
const LINE: u64 = 64;
/// The words that change, each at the start of its own cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Word {
    Ready = 0,
    LogUsed = 1,
    SlotsUsed = 2,
    ShardsUsed = 3,
    DroppedSeries = 4,
    DroppedOperations = 5,
    LastError = 6,
    CutLabelValues = 7,
    LogsWritten = 8,
}

impl Word {
    #[expect(clippy::arithmetic_side_effects, reason = "constants")]
    pub(crate) const fn offset(self) -> u64 {
        WORDS_OFF + self as u64 * LINE
    }
}

/// Space for 32 cache lines; those after the last word are reserved.
pub(crate) const LIMITS_OFF: u64 = WORDS_OFF + 32 * LINE;
pub(crate) const MAX_SHARDS: u32 = 512;
pub(crate) const LOG_OFF: u64 = LIMITS_OFF + 4 * MAX_SHARDS as u64;
const _: () = assert!(LIMITS_OFF == 0x1800 && LOG_OFF == 0x2000);

pub(crate) const CELL: u64 = 8;
pub(crate) const PAGE: u64 = 4096;

/// How the lock is to be interpreted.
pub(crate) const LIVENESS_OFD: u32 = 1;
pub(crate) const LIVENESS_WEAK: u32 = 3;

/// The position of a log, and its number within the segment. Together with the log's length it is
/// one word, so that a reader, or a writer that is killed, always leaves and finds one complete
/// log.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPlace(u64);

impl LogPlace {
    pub(crate) const FIRST: Self = Self(0);
    /// The bits of the length. They are followed by 23 bits for the start, in words, and 9 for the
    /// number.
    const LEN: u64 = (1 << 32) - 1;

    /// Splits a word into the log's place and its length.
    pub(crate) fn of(word: u64) -> (Self, u64) {
        (Self(word & !Self::LEN), word & Self::LEN)
    }

    /// The next log, starting `start` bytes after the place of the first one; `None` if no log can
    /// start there.
    pub(crate) fn next(self, start: u64) -> Option<Self> {
        let number = (self.0 >> 55).wrapping_add(1) & 0x1ff;
        (start % 8 == 0 && start >> 26 == 0).then_some(Self(number << 55 | (start >> 3) << 32))
    }

    /// The log's start, in bytes after the place of the first log.
    pub(crate) fn start(self) -> u64 {
        (self.0 >> 32 & 0x7f_ffff) << 3
    }

    /// The bits that are stored together with the length.
    pub(crate) fn word(self) -> u64 {
        self.0
    }
}

/// The sizes that a file has for its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) slot_cap: u32,
    pub(crate) shard_cap: u32,
    pub(crate) cells_off: u64,
}

/// Tried in this order.
pub(crate) const LADDER: [Geometry; 4] = [
    Geometry { slot_cap: 1 << 20, shard_cap: 512, cells_off: 0x400_0000 },
    Geometry { slot_cap: 1 << 16, shard_cap: 64, cells_off: 0x40_0000 },
    Geometry { slot_cap: 1 << 14, shard_cap: 16, cells_off: 0x10_0000 },
    Geometry { slot_cap: 1 << 12, shard_cap: 4, cells_off: 0x2_0000 },
];

#[expect(
    clippy::arithmetic_side_effects,
    reason = "slot_cap <= 2^24, shard_cap <= 512, cells_off <= 2^40"
)]
impl Geometry {
    pub(crate) const fn stride(self) -> u64 {
        self.slot_cap as u64 * CELL
    }

    pub(crate) const fn log_cap(self) -> u64 {
        self.cells_off - LOG_OFF
    }

    pub(crate) const fn logical_len(self) -> u64 {
        self.cells_off + self.shard_cap as u64 * self.stride()
    }

    pub(crate) const fn shard_off(self, shard: u32) -> u64 {
        self.cells_off + shard as u64 * self.stride()
    }

    /// Whether offsets computed from these numbers stay within the bounds stated above.
    fn is_sane(self) -> bool {
        self.slot_cap <= crate::model::cells::MAX_CELLS
            && self.shard_cap >= 1
            && self.shard_cap <= MAX_SHARDS
            && self.cells_off > LOG_OFF
            && self.cells_off <= 1 << 40
            && self.cells_off % PAGE == 0
            && self.stride() % PAGE == 0
    }
}

/// The immutable first page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The format's minor version. If it is greater than this program's, the file may contain
    /// records that this program does not know.
    pub(crate) minor: u16,
    pub(crate) instance: InstanceId,
    pub(crate) boot_id: [u8; 16],
    pub(crate) pid_namespace: u64,
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    pub(crate) start_ticks: u64,
    pub(crate) created_ns: u64,
    pub(crate) log_epoch_ns: u64,
    pub(crate) parent: InstanceId,
    pub(crate) liveness: u32,
    pub(crate) geometry: Geometry,
    /// The time at which the machine's monotonic clock was 0, consistent with the other times of
    /// this process, in ns since 1970; 0 if unknown.
    pub(crate) booted_ns: u64,
    /// The time namespace of that clock; 0 if unknown.
    pub(crate) time_namespace: u64,
}

/// Writes fields one after the other, so that no offset is written twice.
struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "a page and known fields"
    )]
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn u16(&mut self, v: u16) {
        self.put(&v.to_le_bytes());
    }

    fn u32(&mut self, v: u32) {
        self.put(&v.to_le_bytes());
    }

    fn u64(&mut self, v: u64) {
        self.put(&v.to_le_bytes());
    }
}

/// Reads fields one after the other; a missing field is an error with the field's name.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (head, tail) =
            self.rest.split_at_checked(n).ok_or_else(|| Error::corrupt(self.what))?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, tail) =
            self.rest.split_first_chunk::<N>().ok_or_else(|| Error::corrupt(self.what))?;
        self.rest = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[b]| b)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Error> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Error> {
        self.array().map(u128::from_le_bytes)
    }

    pub(crate) fn string(&mut self) -> Result<&'a str, Error> {
        let len = self.u16()?;
        let bytes = self.bytes(usize::from(len))?;
        core::str::from_utf8(bytes).map_err(|_| Error::corrupt(self.what))
    }
}

impl Header {
    pub(crate) fn encode(&self) -> Box<[u8; 4096]> {
        let mut page = Box::new([0_u8; 4096]);
        let mut w = Writer { out: page.as_mut_slice(), at: 0 };
        w.put(&MAGIC);
        w.u16(MAJOR);
        w.u16(self.minor);
        w.u32(4096);
        w.u64(0); // incompatible
        w.u64(0); // compatible
        w.put(&self.instance);
        w.put(&self.boot_id);
        w.u64(self.pid_namespace);
        w.u32(self.pid);
        w.u32(self.uid);
        w.u64(self.start_ticks);
        w.u64(self.created_ns);
        w.u64(self.log_epoch_ns);
        w.put(&self.parent);
        w.u32(self.liveness);
        w.u32(0);
        w.u32(self.geometry.slot_cap);
        w.u32(self.geometry.shard_cap);
        w.u64(LOG_OFF);
        w.u64(self.geometry.log_cap());
        w.u64(LIMITS_OFF);
        w.u64(self.geometry.cells_off);
        w.u64(self.geometry.stride());
        w.u64(self.geometry.logical_len());
        w.u64(self.booted_ns);
        w.u64(self.time_namespace);
        let crc = crc32(page.split_at(CRC_AT).0);
        let mut w = Writer { out: page.as_mut_slice(), at: CRC_AT };
        w.u32(crc);
        page
    }

    /// Validates everything before anything is computed from it.
    pub(crate) fn decode(page: &[u8]) -> Result<Self, Error> {
        let not = |reason| Error::new(ErrorKind::NotSegment { reason });
        if page.is_empty() {
            return Err(not("empty, not a segment"));
        }
        if !page.starts_with(&MAGIC) {
            return Err(not("not a segment: it doesn't begin with HCSEG"));
        }
        let (covered, crc) =
            page.split_at_checked(CRC_AT).ok_or_else(|| not("cut off inside the header"))?;
        let mut f = Fields::new(covered, "the header");
        f.bytes(MAGIC.len())?;
        let (major, minor) = (f.u16()?, f.u16()?);
        // Checked before the checksum, which another version may keep elsewhere.
        if !(OLDEST..=MAJOR).contains(&major) {
            return Err(Error::new(ErrorKind::Version { major, minor }));
        }
        if Fields::new(crc, "the header").u32()? != crc32fast::hash(covered) {
            return Err(Error::corrupt("the header's checksum is wrong"));
        }
        let header = Self::decode_fields(f, (major, minor));
        header.map_err(|e| if minor > MINOR { e.in_later_version() } else { e })
    }

    fn decode_fields(mut f: Fields<'_>, (major, minor): (u16, u16)) -> Result<Self, Error> {
        if f.u32()? != 4096 {
            return Err(Error::corrupt("the header's size"));
        }
        if f.u64()? != 0 {
            return Err(Error::new(ErrorKind::Version { major, minor }));
        }
        f.u64()?; // compatible: may be ignored
        let header = Self {
            minor,
            instance: f.array()?,
            boot_id: f.array()?,
            pid_namespace: f.u64()?,
            pid: f.u32()?,
            uid: f.u32()?,
            start_ticks: f.u64()?,
            created_ns: f.u64()?,
            log_epoch_ns: f.u64()?,
            parent: f.array()?,
            liveness: f.u32()?,
            geometry: {
                f.u32()?;
                let (slot_cap, shard_cap) = (f.u32()?, f.u32()?);
                let (log_off, log_cap, limits_off) = (f.u64()?, f.u64()?, f.u64()?);
                let geometry = Geometry { slot_cap, shard_cap, cells_off: f.u64()? };
                let (stride, logical_len) = (f.u64()?, f.u64()?);
                if !geometry.is_sane()
                    || (log_off, log_cap, limits_off) != (LOG_OFF, geometry.log_cap(), LIMITS_OFF)
                    || (stride, logical_len) != (geometry.stride(), geometry.logical_len())
                {
                    return Err(Error::corrupt("the geometry contradicts itself"));
                }
                geometry
            },
            booted_ns: f.u64()?,
            time_namespace: f.u64()?,
        };
        Ok(header)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::indexing_slicing, reason = "a test may panic")]

    use super::*;

    pub(crate) fn header() -> Header {
        Header {
            minor: MINOR,
            instance: [7; 16],
            boot_id: [8; 16],
            pid_namespace: 9,
            pid: 10,
            uid: 11,
            start_ticks: 12,
            created_ns: 13,
            log_epoch_ns: 14,
            parent: [15; 16],
            liveness: LIVENESS_OFD,
            geometry: LADDER[2],
            booted_ns: 16,
            time_namespace: 17,
        }
    }

    #[test]
    fn the_ladder_is_what_the_document_says() {
        let lens: Vec<u64> = LADDER.iter().map(|g| g.logical_len() >> 20).collect();
        assert_eq!(lens, [4160, 36, 3, 0]);
        assert_eq!(LADDER[3].logical_len(), 256 << 10);
        assert!(LADDER.iter().all(|g| g.is_sane()));
        assert_eq!(LADDER[0].stride(), 0x80_0000);
        assert_eq!(LADDER[2].stride(), 0x2_0000);
    }

    #[test]
    fn a_header_comes_back_as_it_was() {
        let h = header();
        assert_eq!(Header::decode(h.encode().as_slice()).unwrap(), h);
    }

    /// All elements; under miri, where a checksum takes about a second, only some.
    fn some(range: core::ops::Range<usize>, few: usize) -> impl Iterator<Item = usize> {
        range.step_by(if cfg!(miri) { few } else { 1 })
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_an_error() {
        let page = header().encode();
        for bit in some(0..4096 * 8, 5_003) {
            let mut broken = page.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(broken.as_slice()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_shortened_header_is_an_error() {
        let page = header().encode();
        for len in some(0..4096, 501) {
            assert!(Header::decode(&page[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn a_geometry_that_contradicts_itself_is_an_error_even_with_a_right_checksum() {
        for (at, value) in [(128, 0_u32), (128, u32::MAX), (132, 0), (132, 513), (160, 1), (168, 8)]
        {
            let mut page = header().encode();
            page[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let crc = crc32fast::hash(&page[..CRC_AT]);
            page[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
            assert!(Header::decode(page.as_slice()).is_err(), "{value} at {at}");
        }
    }

    #[test]
    fn another_version_and_an_unknown_flag_are_not_damage() {
        for at in [8, 16] {
            let mut page = header().encode();
            page[at] ^= 0x40;
            let crc = crc32fast::hash(&page[..CRC_AT]);
            page[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
            assert!(Header::decode(page.as_slice()).unwrap_err().is_version());
        }
    }
}
