//! Tests compaction.

use std::sync::Arc;

use crate::merge::archived::{Archive, ArchivedFamily, ArchivedSeries};
use crate::merge::part::Part;
use crate::merge::spans::{Span, Spans};
use crate::merge::sums::{GaugeSum, Sum};
use crate::model::cells::Encoding;
use crate::model::sorted::SortedSet;
use crate::model::{GaugeMode, LabelSet};
use crate::reader::family::LogFamily;
use crate::reader::segment::ENDLESS;

use super::TOMBSTONE_GENERATIONS;
use super::compact::{Now, compact, leave_out_ended, series_of};
use super::encoding::{decode, encode};

// Where there are files.
#[cfg(not(any(miri, headcount_private)))]
pub(crate) mod files;

/// The next generation, read back from its bytes; `others` are the segments that stay.
pub(crate) fn compacted(archive: Archive, dead: &[Part], others: &[Part]) -> Archive {
    let mut archive = compact(archive, dead, &SortedSet::new(), Now { wall: 7, base: 7 });
    leave_out_ended(&mut archive, || Ok(series_of(others))).unwrap();
    let bytes = encode(&archive, 8);
    let read = decode(&bytes).unwrap();
    assert_eq!(encode(&read, 8), bytes, "what is read is what was written");
    read
}

/// An archive, read back from its bytes, and how many these are.
pub(crate) fn read_back(archive: &Archive) -> (Archive, usize) {
    let bytes = encode(archive, 8);
    (decode(&bytes).unwrap(), bytes.len())
}

#[test]
fn an_archive_that_was_cut_or_changed_anywhere_is_refused() {
    let archive = compacted(Archive::default(), &[], &[]);
    let bytes = encode(&archive, 9);
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len]).is_err(), "{len}");
    }
    for at in 0..bytes.len() {
        for bit in (0..8).step_by(if cfg!(miri) { 8 } else { 1 }) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(decode(&changed).is_err(), "{at} {bit}");
        }
    }
}

#[test]
fn a_tombstone_is_kept_for_some_generations_after_its_file_was_last_seen() {
    let mut archive = Archive::default();
    let instance = [3; 16];
    archive.tombstones.push(crate::merge::archived::Tombstone { instance, last_seen: 0 });
    let listed = SortedSet::from_iter([instance]);
    for _ in 0..10 {
        archive = compact(archive, &[], &listed, Now::default());
        assert!(archive.has(&instance));
    }
    for _ in 0..TOMBSTONE_GENERATIONS {
        archive = compact(archive, &[], &SortedSet::new(), Now::default());
        assert!(archive.has(&instance));
    }
    archive = compact(archive, &[], &SortedSet::new(), Now::default());
    assert!(!archive.has(&instance));
}

#[test]
fn an_archived_info_is_1_and_outlives_its_process_or_it_is_damage() {
    let archive = |mode, value| {
        let family = LogFamily {
            name: "job_info".to_owned(),
            encoding: Encoding::Info,
            mode,
            width: 1,
            ..LogFamily::left_out()
        };
        let sum = Sum::Gauge(GaugeSum { one: Some((0, value)), ..GaugeSum::default() });
        let spans = Spans::of(Span::new((0, ENDLESS), sum));
        let series = vec![ArchivedSeries { labels: LabelSet::default(), spans, touched: 0 }];
        let family = ArchivedFamily { family, newest: (0, [0; 16]), segments: 1, series };
        Archive { families: vec![Arc::new(family)], ..Archive::default() }
    };
    let says = |mode, value| match decode(&encode(&archive(mode, value), 8)) {
        Ok(read) => format!("{:?}", read.families[0].family.mode),
        Err(error) => error.to_string(),
    };
    assert_eq!(says(Some(GaugeMode::Max), 1.0), "Some(Max)");
    for value in [0.0, 2.0, f64::NAN] {
        let said = says(Some(GaugeMode::Max), value);
        assert!(said.contains("an archived info's value"), "{said}");
    }
    let said = says(None, 1.0);
    assert!(said.contains("an archived family of the living"), "{said}");
}
