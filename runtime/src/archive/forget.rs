//! Deletes series from the archive: `Collector::clean`. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::merge::archived::Archive;
use crate::model::{LabelSet, cold_sort};
use crate::reader::segment::ENDLESS;

use super::compact::SeriesOfSegments;

/// Deletes the series to which nothing was added since `before`, in nanoseconds since 1970, and
/// which no segment has any more. Returns them as text.
pub(crate) fn forget_untouched(
    archive: &mut Archive,
    before: u64,
    others: &[SeriesOfSegments],
) -> Vec<String> {
    let had: HashSet<(&str, &LabelSet)> = others
        .iter()
        .filter(|(_, _, (_, until))| *until == ENDLESS)
        .map(|(name, labels, _)| (name.as_str(), labels))
        .collect();
    // Families with other buckets may have the same series, and an exposition shows one sum of all
    // of them: either all parts are deleted, or none.
    let mut touched = HashMap::<(String, LabelSet), u64>::new();
    for family in &archive.families {
        for series in &family.series {
            let key = (family.family.name.clone(), series.labels.clone());
            let last = touched.entry(key).or_default();
            *last = series.touched.max(*last);
        }
    }
    touched.retain(|(name, labels), last| *last < before && !had.contains(&(name, labels)));
    for family in archive.families.iter_mut().map(Arc::make_mut) {
        let name = &family.family.name;
        family.series.retain(|s| !touched.contains_key(&(name.clone(), s.labels.clone())));
    }
    archive.families.retain(|family| !family.series.is_empty());
    touched.keys().map(|(name, labels)| shown(name, labels)).collect()
}

/// Returns all series as text. Families with other buckets may have the same ones.
pub(crate) fn series_of_archive(archive: &Archive) -> Vec<String> {
    let all = archive.families.iter().flat_map(|family| {
        family.series.iter().map(|series| shown(&family.family.name, &series.labels))
    });
    let mut all: Vec<String> = all.collect();
    cold_sort::sort_by(&mut all, String::cmp);
    all.dedup();
    all
}

/// `name{label="value"}`, with escapes.
fn shown(name: &str, labels: &LabelSet) -> String {
    let labels: Vec<String> =
        labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
}

/// Deletes all counts. The tombstones stay, since the segments' files may still exist.
pub(crate) fn forget_all(archive: &mut Archive) {
    archive.families.clear();
    (archive.segments, archive.dropped_operations, archive.cut_label_values) = (0, 0, 0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::merge::archived::{ArchivedFamily, ArchivedSeries, Tombstone};
    use crate::merge::spans::{Span, Spans};
    use crate::merge::sums::{HistogramSum, Sum};
    use crate::model::cells::Encoding;
    use crate::reader::family::LogFamily;

    fn labels(queue: &str) -> LabelSet {
        LabelSet::from_iter([("queue", queue)])
    }

    /// A histogram with these bounds, for these queues, each with the time at which it was touched.
    fn family(bounds: &[u64], queues: &[(&str, u64)]) -> Arc<ArchivedFamily> {
        let family = LogFamily {
            name: "h".to_owned(),
            unit: String::new(),
            help: String::new(),
            file: String::new(),
            line: 0,
            encoding: Encoding::NanosHistogram,
            mode: None,
            bounds: bounds.to_vec(),
            schema: 0,
            labels: vec!["queue".to_owned()],
            width: 1,
        };
        let series = queues.iter().map(|(queue, touched)| {
            let sum = Sum::Histogram(HistogramSum { count: 1, ..HistogramSum::default() });
            let spans = Spans::of(Span::new((0, ENDLESS), sum));
            ArchivedSeries { labels: labels(queue), spans, touched: *touched }
        });
        let series = series.collect();
        Arc::new(ArchivedFamily { family, newest: (0, [0; 16]), segments: 1, series })
    }

    fn archive() -> Archive {
        Archive {
            generation: 3,
            segments: 2,
            tombstones: vec![Tombstone { instance: [1; 16], last_seen: 3 }],
            families: vec![
                family(&[1], &[("a", 10), ("b", 10), ("c", 10)]),
                family(&[2], &[("a", 10), ("b", 30)]),
            ],
            ..Archive::default()
        }
    }

    fn left(archive: &Archive) -> Vec<(usize, &str)> {
        let families = archive.families.iter().enumerate();
        let each = families.flat_map(|(at, f)| f.series.iter().map(move |s| (at, s)));
        each.map(|(at, series)| (at, series.labels.get("queue").unwrap())).collect()
    }

    #[test]
    fn of_one_sum_all_is_forgotten_or_nothing() {
        let mut archive = archive();
        let forgotten = forget_untouched(&mut archive, 20, &[]);
        assert_eq!(
            BTreeSet::from_iter(forgotten),
            BTreeSet::from(["h{queue=\"a\"}", "h{queue=\"c\"}"].map(str::to_owned))
        );
        // `b` was touched later, with other buckets: without the older half its count would fall.
        assert_eq!(left(&archive), [(0, "b"), (1, "b")]);
        assert_eq!(archive.tombstones.len(), 1);
        assert_eq!(forget_untouched(&mut archive, 30, &[]).len(), 0);
        assert_eq!(forget_untouched(&mut archive, 31, &[]).len(), 1);
        assert!(archive.families.is_empty());
    }

    #[test]
    fn what_a_segment_has_is_kept_unless_it_was_removed_there() {
        let mut archive = archive();
        let has = |queue, until| ("h".to_owned(), labels(queue), (5, until));
        let another = ("g".to_owned(), labels("b"), (5, ENDLESS));
        let others = [has("a", ENDLESS), has("c", 9), another];
        assert_eq!(forget_untouched(&mut archive, 100, &others).len(), 2);
        assert_eq!(left(&archive), [(0, "a"), (1, "a")]);
    }

    #[test]
    fn when_all_is_forgotten_the_tombstones_stay() {
        let mut archive = archive();
        assert_eq!(series_of_archive(&archive).len(), 3);
        forget_all(&mut archive);
        assert_eq!((archive.segments, archive.tombstones.len()), (0, 1));
        assert!(archive.families.is_empty());
    }
}
