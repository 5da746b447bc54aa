//! Encodes and decodes the archive, as specified in `FORMAT.md`. Every byte that is read is
//! hostile.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::merge::archived::{Archive, ArchivedFamily, ArchivedSeries, Tombstone};
use crate::merge::spans::{Span, Spans};
use crate::merge::sums::{CounterSum, Each, GaugeSum, HistogramSum, MOST_DEAD, Sum, bounds_of};
use crate::model::GaugeMode;
use crate::model::cells::{CellLayout, MAX_BOUNDS};
use crate::model::exact_sum::ExactSum;
use crate::model::native_buckets::Buckets;
use crate::model::sorted::SortedMap;
use crate::model::text::{MAX_LABEL_VALUE_LEN, MAX_LABELS};
use crate::model::{LabelSets, MetricType};
use crate::reader::family::{LogFamily, types};
use crate::reader::native_blocks::MOST_INDEX;
use crate::reader::times::TimeBase;
use crate::segment::format::Fields;
use crate::segment::records::{put_string, put_u16, put_u32, put_u64};

use super::exemplars;

const MAGIC: [u8; 8] = *b"HCARC\r\n\x1a";
const MAJOR: u16 = 1;
const MINOR: u16 = 4;
pub(crate) const HEADER_LEN: usize = 128;
const CRC_AT: usize = 124;
const TRAILER: [u8; 4] = *b"HCAE";
const TRAILER_LEN: usize = 16;

/// The longest archive that is read or written.
pub(crate) const MAX_LEN: u64 = 256 << 20;
/// The most bytes of labels in an exposition of an archive.
const MAX_TEXT: u64 = 4 << 30;
/// The cost of a label, besides its bytes.
const LABEL_COST: u64 = 64;
/// An archive is written at most thousands of times a second, so its generation never gets that
/// far.
const MAX_GENERATION: u64 = 1 << 62;
/// The parts of an exact sum have different magnitudes, of which `f64` does not have many more.
const MAX_PARTS: u32 = 4096;
/// Stands for an optional sum that is absent.
const NO_PARTS: u32 = u32::MAX;

/// The header of an archive.
pub(crate) struct Header {
    pub(crate) archive: Archive,
    minor: u16,
    len: u64,
    tombstones: u32,
    families: u32,
}

pub(crate) fn header(bytes: &[u8]) -> Result<Header, Error> {
    let not = |reason| Error::new(ErrorKind::NotSegment { reason });
    if !bytes.starts_with(&MAGIC) {
        return Err(not("not an archive: it doesn't begin with HCARC"));
    }
    let (covered, crc) =
        bytes.split_at_checked(CRC_AT).ok_or_else(|| not("cut off inside the header"))?;
    let mut f = Fields::new(covered, "the archive's header");
    f.bytes(MAGIC.len())?;
    let (major, minor) = (f.u16()?, f.u16()?);
    // Checked before the checksum: another version may keep that elsewhere.
    if major != MAJOR {
        return Err(Error::new(ErrorKind::Version { major, minor }));
    }
    if Fields::new(crc, "the archive's header").u32()? != crc32fast::hash(covered) {
        return Err(Error::corrupt("the archive's header's checksum is wrong"));
    }
    if f.u32()? as usize != HEADER_LEN {
        return Err(Error::corrupt("the archive's header's size"));
    }
    if f.u64()? != 0 {
        return Err(Error::new(ErrorKind::Version { major, minor }));
    }
    f.u64()?; // compatible: may be ignored
    let generation = f.u64()?;
    // Not reached by increments. With a greater generation, tombstones would never age.
    if generation > MAX_GENERATION {
        return Err(Error::corrupt("the archive's generation"));
    }
    f.u64()?; // written
    let len = f.u64()?;
    let (segments, dropped_operations, cut_label_values) = (f.u64()?, f.u64()?, f.u64()?);
    let (tombstones, families) = (f.u32()?, f.u32()?);
    let archive = Archive {
        generation,
        segments,
        dropped_operations,
        cut_label_values,
        base: TimeBase { boot_id: f.array()?, time_namespace: f.u64()?, booted: f.u64()? },
        ..Archive::default()
    };
    Ok(Header { archive, minor, len, tombstones, families })
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Archive, Error> {
    let header = header(bytes)?;
    let is_later = header.minor > MINOR;
    body(bytes, header).map_err(|e| if is_later { e.in_later_version() } else { e })
}

fn body(bytes: &[u8], header: Header) -> Result<Archive, Error> {
    let Header { mut archive, len, tombstones, families, .. } = header;
    if len != bytes.len() as u64 {
        return Err(Error::corrupt("the archive's length"));
    }
    let body = bytes.len().saturating_sub(TRAILER_LEN);
    let (covered, trailer) = bytes.split_at(body);
    let mut f = Fields::new(trailer, "the archive's end");
    if f.u64()? != archive.generation
        || f.u32()? != crc32fast::hash(covered)
        || f.bytes(4)? != TRAILER
    {
        return Err(Error::corrupt("the archive's checksum is wrong"));
    }
    let mut f = Fields::new(covered, "the archive");
    f.bytes(HEADER_LEN)?;
    for _ in 0..tombstones {
        archive.tombstones.push(Tombstone { instance: f.array()?, last_seen: f.u64()? });
        f.u64()?;
    }
    if archive.tombstones.iter().any(|tombstone| tombstone.last_seen > archive.generation) {
        return Err(Error::corrupt("a tombstone that was seen after the archive was written"));
    }
    if !archive.tombstones.is_sorted_by_key(|tombstone| tombstone.instance) {
        return Err(Error::corrupt("the order of the archive's tombstones"));
    }
    let mut text = 0_u64;
    for _ in 0..families {
        archive.families.push(Arc::new(family(&mut f, &mut text)?));
    }
    // Archives of before version 1.4 end here.
    if !f.is_empty() {
        exemplars::read(&mut f, &mut archive.families)?;
    }
    Ok(archive)
}

fn family(f: &mut Fields<'_>, text: &mut u64) -> Result<ArchivedFamily, Error> {
    let (metric, value, mode, schema) = (f.u8()?, f.u8()?, f.u8()?, f.u8()?);
    let (labels, bounds) = (f.u16()?, f.u16()?);
    let series = f.u32()?;
    f.u32()?;
    let newest = (f.u64()?, f.array()?);
    let segments = f.u64()?;
    // The end of a family of an unknown type is not known, so its series cannot be skipped. An
    // archive written without them would lose them.
    let known = types(metric, value, mode)?;
    let (encoding, mode) = known.ok_or_else(|| Error::unknown("a family of another type"))?;
    if encoding.archived() != encoding {
        return Err(Error::corrupt("an archived family's type"));
    }
    if labels > MAX_LABELS || usize::from(bounds) >= MAX_BOUNDS {
        return Err(Error::corrupt("more labels or bounds than a family may have"));
    }
    let bounds = (0..bounds).map(|_| f.u64()).collect::<Result<Vec<_>, _>>()?;
    let name = f.string()?.to_owned();
    let unit = f.string()?.to_owned();
    let help = f.string()?.to_owned();
    let labels =
        (0..labels).map(|_| f.string().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    let family = LogFamily {
        name,
        unit,
        help,
        file: String::new(),
        line: 0,
        encoding,
        mode,
        bounds,
        schema,
        labels,
        width: 1,
    };
    if let Some(rule) = family.broken_rule() {
        return Err(Error::corrupt(rule));
    }
    if !family.outlives_processes() {
        return Err(Error::corrupt("an archived family of the living"));
    }
    if !family.labels.is_sorted() {
        return Err(Error::corrupt("an archived family's labels"));
    }
    let mut all = Vec::new();
    // An exposition repeats the labels in each line.
    let lines = if family.mode.is_some_and(GaugeMode::is_all) {
        MOST_DEAD as u64
    } else {
        let samples = family.kind().samples().len() as u64;
        samples.saturating_add(bounds_of(&family).len() as u64)
    };
    let (mut labels, mut before) = (Vec::new(), Vec::new());
    let mut sets = LabelSets::default();
    for number in 0..series {
        let touched = f.u64()?;
        let spans = f.u32()?;
        labels.clear();
        let mut line = LABEL_COST;
        for name in &family.labels {
            let value = f.string()?;
            if value.len() > MAX_LABEL_VALUE_LEN {
                return Err(Error::corrupt("a label value of more than 1,024 bytes"));
            }
            let cost = (name.len() as u64).saturating_add(value.len() as u64);
            line = line.saturating_add(cost).saturating_add(LABEL_COST);
            if !value.is_empty() {
                labels.push((&**name, value));
            }
        }
        *text = text.saturating_add(line.saturating_mul(lines));
        if *text > MAX_TEXT {
            return Err(Error::corrupt("an archive of too much text"));
        }
        let ascends = number == 0 || before < labels;
        if !ascends || spans == 0 {
            return Err(Error::corrupt("an archived series twice, or without a value"));
        }
        let mut read = Spans::default();
        for _ in 0..spans {
            let (from, until) = (f.u64()?, f.u64()?);
            if until < from {
                return Err(Error::corrupt("an archived series that ended before it began"));
            }
            let sum = sum(f, &family)?;
            read.0.push(Span::new((from, until), sum));
        }
        sets.push(labels.iter().copied());
        all.push((read, touched));
        core::mem::swap(&mut before, &mut labels);
    }
    let series = sets.into_sets().zip(all);
    let series = series.map(|(labels, (spans, touched))| ArchivedSeries { labels, spans, touched });
    let series = series.collect();
    Ok(ArchivedFamily { family, newest, segments, series })
}

fn sum(f: &mut Fields<'_>, family: &LogFamily) -> Result<Sum, Error> {
    Ok(match family.encoding.layout() {
        CellLayout::Count | CellLayout::FloatCount => {
            Sum::Counter(CounterSum { whole: f.u64()?, parts: exact(f, family)? })
        }
        CellLayout::Buckets | CellLayout::NanosBuckets => {
            let nanos = f.u128()?;
            let sum = exact(f, family)?.unwrap_or_default();
            let count = f.u64()?;
            let below = family.bounds.iter().map(|_| f.u64()).collect::<Result<Vec<_>, _>>()?;
            if !below.is_sorted() || below.last().is_some_and(|last| *last > count) {
                return Err(Error::corrupt("an archived histogram whose buckets fall"));
            }
            Sum::Histogram(HistogramSum { nanos, sum, below, count, native: None })
        }
        CellLayout::Native | CellLayout::NanosNative => {
            let nanos = f.u128()?;
            let sum = exact(f, family)?.unwrap_or_default();
            let native = Some(native(f, family)?);
            Sum::Histogram(HistogramSum { nanos, sum, native, ..HistogramSum::default() })
        }
        CellLayout::Gauge(_) => {
            let sum = exact(f, family)?.unwrap_or_default();
            let (has_one, when, value) = (f.u64()?, f.u64()?, f64::from_bits(f.u64()?));
            let one = (has_one == 1).then_some((when, value));
            if family.kind() == MetricType::Info && one.map(|(_, value)| value) != Some(1.0) {
                return Err(Error::corrupt("an archived info's value"));
            }
            let mut each = SortedMap::new();
            for _ in 0..f.u32()? {
                let pid = f.u32()?;
                let age = (f.u64()?, f.array()?);
                let value = f64::from_bits(f.u64()?);
                each.insert(pid, Each { age, value, is_alive: false });
            }
            Sum::Gauge(GaugeSum { sum, one, each })
        }
    })
}

/// The buckets of a native histogram.
fn native(f: &mut Fields<'_>, family: &LogFamily) -> Result<Buckets, Error> {
    let (least, _) = family.encoding.layout().octaves().unwrap_or_default();
    let mut native = Buckets::of(i8::try_from(family.schema).unwrap_or(0), least);
    native.add_zero(f.u64()?);
    native.add_unplaced(f.u64()?);
    for is_negative in [false, true] {
        let mut before = None;
        for _ in 0..f.u32()? {
            let (index, n) = (f.i32()?, f.u64()?);
            if before >= Some(index) || n == 0 || index.unsigned_abs() > MOST_INDEX {
                return Err(Error::corrupt("the buckets of an archived native histogram"));
            }
            native.add_at(is_negative, index, n);
            before = Some(index);
        }
    }
    Ok(native)
}

/// Adds the parts again instead of taking them as they are: parts that overlap would make later
/// sums wrong.
fn exact(f: &mut Fields<'_>, family: &LogFamily) -> Result<Option<ExactSum>, Error> {
    let parts = f.u32()?;
    if parts == NO_PARTS {
        return Ok(None);
    }
    if parts > MAX_PARTS {
        return Err(Error::corrupt("an archived sum of too many parts"));
    }
    let mut sum = ExactSum::default();
    for _ in 0..parts {
        let part = f64::from_bits(f.u64()?);
        if family.kind() == MetricType::Counter && part.is_nan() {
            return Err(Error::corrupt("an archived counter that is not a number"));
        }
        sum.add(part);
    }
    Ok(Some(sum))
}

pub(crate) fn encode(archive: &Archive, now: u64) -> Vec<u8> {
    let mut out = vec![0; HEADER_LEN];
    for tombstone in &archive.tombstones {
        out.extend_from_slice(&tombstone.instance);
        put_u64(&mut out, tombstone.last_seen);
        put_u64(&mut out, 0);
    }
    for family in &archive.families {
        put_family(&mut out, family);
    }
    exemplars::put(&mut out, &archive.families);
    let len = (out.len() as u64).saturating_add(TRAILER_LEN as u64);
    let header = encode_header(archive, len, now);
    if let Some(place) = out.get_mut(..HEADER_LEN) {
        place.copy_from_slice(&header);
    }
    let crc = crc32fast::hash(&out);
    put_u64(&mut out, archive.generation);
    put_u32(&mut out, crc);
    out.extend_from_slice(&TRAILER);
    out
}

fn encode_header(archive: &Archive, len: u64, now: u64) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    put_u16(&mut out, usize::from(MAJOR));
    put_u16(&mut out, usize::from(MINOR));
    put_u32(&mut out, count(HEADER_LEN));
    for word in [
        0, // incompatible
        0, // compatible
        archive.generation,
        now,
        len,
        archive.segments,
        archive.dropped_operations,
        archive.cut_label_values,
    ] {
        put_u64(&mut out, word);
    }
    put_u32(&mut out, count(archive.tombstones.len()));
    put_u32(&mut out, count(archive.families.len()));
    out.extend_from_slice(&archive.base.boot_id);
    put_u64(&mut out, archive.base.time_namespace);
    put_u64(&mut out, archive.base.booted);
    out.resize(CRC_AT, 0);
    let crc = crc32fast::hash(&out);
    put_u32(&mut out, crc);
    out
}

fn put_family(out: &mut Vec<u8>, archived: &ArchivedFamily) {
    let family = &archived.family;
    // Logs and archives use the same codes.
    let (metric, value) = family.encoding.code();
    out.extend_from_slice(&[metric, value, GaugeMode::code_of(family.mode), family.schema]);
    put_u16(out, family.labels.len());
    put_u16(out, family.bounds.len());
    put_u32(out, count(archived.series.len()));
    put_u32(out, 0);
    put_u64(out, archived.newest.0);
    out.extend_from_slice(&archived.newest.1);
    put_u64(out, archived.segments);
    family.bounds.iter().for_each(|bound| put_u64(out, *bound));
    for text in [&family.name, &family.unit, &family.help].into_iter().chain(&family.labels) {
        put_string(out, text);
    }
    for series in &archived.series {
        put_u64(out, series.touched);
        put_u32(out, count(series.spans.0.len()));
        let mut given = series.labels.iter().peekable();
        for name in &family.labels {
            let value = given.next_if(|(given, _)| *given == name).map_or("", |(_, value)| value);
            put_string(out, value);
        }
        for span in &series.spans.0 {
            put_u64(out, span.from);
            put_u64(out, span.until);
            put_sum(out, &span.sum, family.bounds.len());
        }
    }
}

fn put_sum(out: &mut Vec<u8>, sum: &Sum, bounds: usize) {
    match sum {
        Sum::Counter(sum) => {
            put_u64(out, sum.whole);
            put_exact(out, sum.parts.as_ref());
        }
        Sum::Histogram(sum) => {
            out.extend_from_slice(&sum.nanos.to_le_bytes());
            put_exact(out, Some(&sum.sum));
            if let Some(native) = &sum.native {
                put_native(out, native);
                return;
            }
            put_u64(out, sum.count);
            let below = sum.below.iter().copied().chain(core::iter::repeat(0)).take(bounds);
            below.for_each(|below| put_u64(out, below));
        }
        Sum::Gauge(sum) => {
            put_exact(out, Some(&sum.sum));
            let (when, value) = sum.one.unwrap_or_default();
            put_u64(out, u64::from(sum.one.is_some()));
            put_u64(out, when);
            put_u64(out, value.to_bits());
            put_u32(out, count(sum.each.len()));
            for (pid, each) in sum.each.iter() {
                put_u32(out, *pid);
                put_u64(out, each.age.0);
                out.extend_from_slice(&each.age.1);
                put_u64(out, each.value.to_bits());
            }
        }
    }
}

fn put_native(out: &mut Vec<u8>, native: &Buckets) {
    put_u64(out, native.zero().1);
    put_u64(out, native.unplaced());
    for is_negative in [false, true] {
        let buckets = native.of_sign(is_negative);
        put_u32(out, count(buckets.len()));
        for (index, n) in buckets.iter() {
            out.extend_from_slice(&index.to_le_bytes());
            put_u64(out, *n);
        }
    }
}

fn put_exact(out: &mut Vec<u8>, sum: Option<&ExactSum>) {
    let Some(sum) = sum else { return put_u32(out, NO_PARTS) };
    put_u32(out, count(sum.parts().count()));
    sum.parts().for_each(|part| put_u64(out, part.to_bits()));
}

/// Counts are smaller than an archive's number of bytes, so they fit.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
