//! Parses the common part of a log into a layout. Every byte is hostile: no number is used before
//! it was checked.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::error::Error;
use crate::model::GaugeMode;
use crate::segment::format::Fields;
use crate::segment::records::{FAMILY, HEAD, SERIES};

use super::family::{LogFamily, Read, family};
use super::layout::Layout;
use super::series_record::SeriesRecord;

/// The cost of a label, besides its bytes.
pub(crate) const LABEL_COST: u64 = crate::segment::records::LABEL_COST;

/// The most bytes of label names and values in an exposition of one log: 256 MiB.
const MAX_TEXT: u64 = crate::segment::records::MAX_TEXT;

/// Parses the common part of a log, whose records were checked by [`Log`](super::log::Log).
pub(crate) fn parse(log: &[u8], slots_used: u32) -> Result<Layout, Error> {
    parse_more(Layout::default(), log, slots_used)
}

/// Parses the rest of a log whose beginning was parsed into `layout`.
pub(crate) fn parse_more(
    mut layout: Layout,
    mut log: &[u8],
    slots_used: u32,
) -> Result<Layout, Error> {
    let mut series = SeriesRecord::default();
    let known = layout.series.len();
    let (mut text, mut cells, mut records) = (layout.cost, layout.cells, layout.records);
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
        match kind {
            FAMILY => {
                let family = match family(&mut payload, layout.families.len())? {
                    Read::Known(family) => family,
                    Read::Unknown => {
                        layout.has_unknown = true;
                        LogFamily::left_out()
                    }
                    Read::Wrong(wrong) => {
                        layout.wrong.push(wrong);
                        LogFamily::left_out()
                    }
                };
                layout.has_recent |= family.mode.is_some_and(GaugeMode::is_recent);
                layout.add_family(family);
            }
            SERIES => {
                if series.read(&mut payload, slot, slots_used, &layout.families)? {
                    // Checked before the record is expanded: overlapping series could be any
                    // number.
                    cells = cells.saturating_add(series.cells());
                    text = text.saturating_add(series.text(&layout.families));
                    if cells > u64::from(slots_used) || text > MAX_TEXT {
                        return Err(Error::corrupt("more series than it has space for"));
                    }
                    layout.end = layout.end.max(series.end());
                    series.multiply(records, &mut layout);
                }
                // Each record has its own time of creation, also one of a family that is left out.
                records = records.saturating_add(1);
            }
            // `Log` removes all other kinds of record.
            _ => return Err(Error::corrupt("a record of no kind")),
        }
        log = rest;
    }
    layout.index_from(known);
    // Blocks and exemplars belong to the series at a slot. If any number of series could have one
    // slot, each of them would have all of these.
    if layout.runs.cells() as u64 != cells {
        return Err(Error::corrupt("series that have the same cells"));
    }
    (layout.cost, layout.cells, layout.records) = (text, cells, records);
    layout.size = layout.measured();
    Ok(layout)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::declare::descriptor::Descriptor;
    use crate::model::kind::Kind;
    use crate::reader::layout_cache::Layouts;
    use crate::reader::log::Log;
    use crate::segment::records::LogWriter;

    /// Records of a counter and of one series, each with `more` behind the fields that this version
    /// knows.
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
    fn series_that_have_the_same_cells_are_damage_in_a_log_that_grows_too() {
        let series = |slot: u32, values: &[&str]| {
            let mut record = Vec::new();
            LogWriter::new(&mut record).series(0, slot, 1, 7, &[values.to_vec()]);
            record
        };
        let parsed = |first: &[u8], more: &[u8]| {
            let whole = Log::parse(&[first, more].concat()).unwrap().common;
            let [first, more] = [first, more].map(|log| Log::parse(log).unwrap().common);
            let grown = parse(&first, 9).and_then(|layout| parse_more(layout, &more, 9));
            let whole = parse(&whole, 9);
            assert_eq!(grown.is_ok(), whole.is_ok());
            grown.map(|layout| layout.series.len()).map_err(|error| error.to_string())
        };
        // The first one is at slot 1.
        let first = log(&[]);
        assert_eq!(parsed(&first, &series(2, &["a", "b"])), Ok(3));
        let two = [first, series(3, &["a", "b", "c"])].concat();
        assert_eq!(parsed(&two, &series(2, &["d"])), Ok(5));
        assert_eq!(parsed(&two, &series(6, &["d"])), Ok(5));
        for (slot, values) in [(1, &["d"][..]), (2, &["d", "e"]), (4, &["d"]), (5, &["d", "e"])] {
            let said = parsed(&two, &series(slot, values)).unwrap_err();
            assert!(said.contains("series that have the same cells"), "{said}");
        }
    }

    #[test]
    fn families_get_the_first_help_text_that_comes_later() {
        let mut log = Vec::new();
        let described = [
            (Kind::Counter, ""),
            (Kind::Histogram, ""),
            (Kind::Counter, ""),
            (Kind::Counter, "First."),
            (Kind::Counter, "Second."),
            (Kind::Counter, ""),
            (Kind::Counter, "Third."),
        ];
        for (id, (kind, help)) in (0..).zip(described) {
            let descriptor = Descriptor::new(kind, "a", help, "a.rs", 1);
            LogWriter::new(&mut log).family(id, &descriptor, &[]);
        }
        let layout = parse(&Log::parse(&log).unwrap().common, 1).unwrap();
        let help: Vec<&str> = layout.families.iter().map(|family| &*family.help).collect();
        assert_eq!(help, ["First.", "", "First.", "First.", "Second.", "Third.", "Third."]);
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
