//! Taking series out of the archive on purpose. Pure.

use std::collections::{HashMap, HashSet};

use super::super::merging::Labels;
use super::super::spans::ENDLESS;
use super::Archive;
use super::fold::SeriesOfSegments;

/// Leaves out the series that nobody has added to since `before`, in ns since 1970, and that no segment has any more; says how many
/// there were.
pub(in super::super) fn forget_untouched(
    archive: &mut Archive,
    before: u64,
    others: &[SeriesOfSegments],
) -> usize {
    let had: HashSet<(&str, &Labels)> = others
        .iter()
        .filter(|(_, _, (_, until))| *until == ENDLESS)
        .map(|(name, labels, _)| (name.as_str(), labels))
        .collect();
    // The same series may be in families of other buckets, and is one sum in an exposition: all of it goes, or nothing.
    let mut touched = HashMap::<(String, Labels), u64>::new();
    for family in &archive.families {
        for series in &family.series {
            let key = (family.family.name.clone(), series.labels.clone());
            let last = touched.entry(key).or_default();
            *last = series.touched.max(*last);
        }
    }
    touched.retain(|(name, labels), last| *last < before && !had.contains(&(name, labels)));
    for family in &mut archive.families {
        let name = &family.family.name;
        family.series.retain(|s| !touched.contains_key(&(name.clone(), s.labels.clone())));
    }
    archive.families.retain(|family| !family.series.is_empty());
    touched.len()
}

/// Leaves out everything that was counted. The tombstones stay: the segments' files may be there yet.
pub(in super::super) fn forget_all(archive: &mut Archive) -> usize {
    let series = archive.families.iter().map(|family| family.series.len()).sum::<usize>();
    archive.families.clear();
    (archive.segments, archive.dropped_operations, archive.cut_label_values) = (0, 0, 0);
    series
}
