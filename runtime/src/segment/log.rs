//! The directory log's records: how they are written.
//!
//! Pure. Reading them is the collector's part (`collect::decode`).

use crate::descriptor::{Bounds, Descriptor, Kind, Mode};

pub(crate) const FAMILY: u8 = 1;
pub(crate) const SERIES: u8 = 2;
pub(crate) const REMOVE: u8 = 3;
/// Who doesn't know this record must skip the segment.
pub(crate) const MUST_KNOW: u8 = 0x80;

pub(crate) const HEAD: usize = 16;
const CRC_AT: usize = 12;

pub(crate) const METRIC_COUNTER: u8 = 1;
pub(crate) const METRIC_GAUGE: u8 = 2;
pub(crate) const METRIC_HISTOGRAM: u8 = 3;
pub(crate) const METRIC_SUMMARY: u8 = 4;
pub(crate) const METRIC_INFO: u8 = 5;
pub(crate) const METRIC_STATESET: u8 = 6;

pub(crate) const VALUE_U64: u8 = 1;
pub(crate) const VALUE_F64: u8 = 2;
pub(crate) const VALUE_NANOS: u8 = 3;
pub(crate) const VALUE_WRAPPING: u8 = 4;

/// What a label costs a reader beside its bytes, and what one log may cost: a writer stays within it, else no reader takes the segment.
pub(crate) const LABEL_COST: u64 = 64;
pub(crate) const MAX_TEXT: u64 = 256 << 20;

/// What an exposition of these series costs in labels, at most.
pub(crate) fn text(names: &[&str], width: u32, sets: &[Vec<&str>]) -> u64 {
    let lines = sets.iter().fold(u64::from(width), |n, set| n.saturating_mul(set.len() as u64));
    let line = names.iter().zip(sets).fold(LABEL_COST, |line, (name, set)| {
        let longest = set.iter().map(|value| value.len()).max().unwrap_or(0);
        line + LABEL_COST + name.len() as u64 + longest as u64
    });
    line.saturating_mul(lines)
}

/// Builds records behind each other, each complete and checksummed.
pub(crate) struct LogWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> LogWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    pub(crate) fn family(&mut self, id: u32, d: &Descriptor, label_names: &[&str]) {
        self.record(FAMILY, 0, |out| {
            put_u32(out, id);
            let (metric, value) = types(d.kind);
            let has_mode = matches!(metric, METRIC_GAUGE | METRIC_STATESET);
            let mode = if has_mode { mode_code(d.mode) } else { 0 };
            out.extend_from_slice(&[metric, value, mode, 0]);
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
        });
    }

    /// A series for each combination of the labels' values, the last label fastest.
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

    /// The series in these cells are removed.
    pub(crate) fn remove(&mut self, slot: u32, cells: u32, when: u64) {
        self.record(REMOVE, slot, |out| {
            put_u32(out, cells);
            put_u32(out, 0);
            put_u64(out, when);
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
        let crc = crc32fast::hash(&self.out[start..]);
        self.out[start + CRC_AT..start + HEAD].copy_from_slice(&crc.to_le_bytes());
    }
}

pub(crate) fn put_u16(out: &mut Vec<u8>, v: usize) {
    out.extend_from_slice(&u16::try_from(v).unwrap_or(u16::MAX).to_le_bytes());
}

pub(crate) fn put_u32(out: &mut Vec<u8>, v: u32) {
    out.extend_from_slice(&v.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, v: u64) {
    out.extend_from_slice(&v.to_le_bytes());
}

/// A string is cut where its length would not fit, at the border of a character.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    let text = cut(text, usize::from(u16::MAX));
    put_u16(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// The longest beginning of `text` of at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

pub(crate) fn types(kind: Kind) -> (u8, u8) {
    match kind {
        Kind::Calls | Kind::Exceptions | Kind::Counter => (METRIC_COUNTER, VALUE_U64),
        Kind::FloatCounter => (METRIC_COUNTER, VALUE_F64),
        Kind::Info => (METRIC_INFO, VALUE_U64),
        Kind::StateSet => (METRIC_STATESET, VALUE_U64),
        Kind::InProgress => (METRIC_GAUGE, VALUE_WRAPPING),
        Kind::Gauge => (METRIC_GAUGE, VALUE_F64),
        Kind::Durations => (METRIC_HISTOGRAM, VALUE_NANOS),
        Kind::Histogram => (METRIC_HISTOGRAM, VALUE_F64),
        Kind::DurationSummary => (METRIC_SUMMARY, VALUE_NANOS),
        Kind::Summary => (METRIC_SUMMARY, VALUE_F64),
    }
}

const MODES: [Mode; 10] = [
    Mode::All,
    Mode::LiveAll,
    Mode::Min,
    Mode::LiveMin,
    Mode::Max,
    Mode::LiveMax,
    Mode::Sum,
    Mode::LiveSum,
    Mode::MostRecent,
    Mode::LiveMostRecent,
];

pub(crate) fn mode_code(mode: Mode) -> u8 {
    (1_u8..).zip(MODES).find(|(_, m)| *m == mode).map_or(0, |(code, _)| code)
}

pub(crate) fn mode_of(code: u8) -> Option<Mode> {
    (1_u8..).zip(MODES).find(|(c, _)| *c == code).map(|(_, mode)| mode)
}
