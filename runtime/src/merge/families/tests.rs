//! Merges segments that are built in memory.

mod columns;
mod gauges;
mod native;
mod shared;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::archive::tests::compacted;
use crate::archive::{Now, add_to_sums};
use crate::merge::part::Part;
use crate::merge::plan::Plans;
use crate::model::GaugeMode;
use crate::model::cells::{Encoding, UNSET};
use crate::model::{Bucket, HistogramValue, LabelSet, MetricType, Number, Series, Value};
use crate::reader::counted::Counted;
use crate::reader::exemplar_places::Places;
use crate::reader::family::LogFamily;
use crate::reader::layout::{Label, Layout, LogSeries, NO_FLOAT};
use crate::reader::liveness::Life;
use crate::reader::log::Removed;
use crate::reader::native_blocks::Blocks;
use crate::reader::segment::{LogId, Segment, SegmentLog};
use crate::reader::shard_cells::ShardCells;
use crate::reader::times::Times;
use crate::segment::format::tests::header;

use super::*;

fn family(name: &str, encoding: Encoding, bounds: &[u64]) -> LogFamily {
    let mode = (encoding.metric() == MetricType::Gauge).then_some(GaugeMode::Sum);
    let width = encoding.layout().width(mode, u32::try_from(bounds.len()).unwrap(), 0);
    LogFamily {
        name: name.to_owned(),
        unit: String::new(),
        help: format!("help of {name}"),
        file: "a.rs".to_owned(),
        line: 1,
        encoding,
        mode,
        bounds: bounds.to_vec(),
        schema: 0,
        labels: vec![],
        width,
    }
}

fn counter(name: &str) -> LogFamily {
    family(name, Encoding::Counter, &[])
}

fn gauge(mode: GaugeMode) -> LogFamily {
    let gauge = family("g", Encoding::Gauge, &[]);
    LogFamily { mode: Some(mode), ..gauge }
}

/// Adds a series: its family's number, its slot, and the states that it is one of.
fn add_series(
    layout: &mut Layout,
    (family, slot, states): (usize, u32, (u32, u32)),
    values: &[&str],
) {
    let from = u32::try_from(layout.labels.len()).unwrap();
    let given = (0..).zip(values).filter(|(_, value)| !value.is_empty());
    for (name, value) in given {
        let at = u32::try_from(layout.text.len()).unwrap();
        layout.labels.push(Label { name, len: u16::try_from(value.len()).unwrap(), at });
        layout.text.push_str(value);
    }
    let labels = from..u32::try_from(layout.labels.len()).unwrap();
    let family = u32::try_from(family).unwrap();
    let float = NO_FLOAT;
    layout.series.push(LogSeries { family, slot, states, labels, record: family, float });
}

/// A process with one series of each family, whose cells are consecutive from slot 1 on.
fn part(pid: u32, families: Vec<LogFamily>, shards: &[&[u64]]) -> Part {
    let mut slot = 1;
    let mut layout = Layout::default();
    for (id, family) in families.iter().enumerate() {
        let values = vec!["v"; family.labels.len()];
        add_series(&mut layout, (id, slot, (slot, 1)), &values);
        slot += family.width;
    }
    let since = vec![u64::from(pid); families.len()];
    layout.families = families;
    layout.index();
    let mut header = header();
    header.pid = pid;
    header.instance = [u8::try_from(pid).unwrap(); 16];
    header.created_ns = u64::from(pid);
    // No series has slot 0.
    let shards: Vec<Vec<u64>> = shards.iter().map(|cells| [&[0], *cells].concat()).collect();
    let later = shards[0].clone();
    let shards = shards.iter().map(|cells| ShardCells::of(cells)).collect();
    let log = SegmentLog {
        id: LogId::default(),
        layout: Arc::new(layout),
        since,
        removed: Removed::default(),
        blocks: Blocks::default(),
        places: Places::default(),
    };
    let segment = Segment {
        header,
        log: Arc::new(log),
        dropped_series: 0,
        dropped_operations: 0,
        cut_label_values: 0,
        shards,
        later,
        exemplars: Vec::new(),
        times: Times::default(),
    };
    Part::new(segment, Life::Locked)
}

fn log_of(part: &mut Part) -> &mut SegmentLog {
    Arc::get_mut(&mut part.segment.log).unwrap()
}

fn layout_of(part: &mut Part) -> &mut Layout {
    Arc::get_mut(&mut log_of(part).layout).unwrap()
}

/// Merges without plans, with plans of an earlier collection, and with the resulting plans, and
/// asserts that the results are equal.
fn merged_after(
    parts: &[Part],
    archive: &Archive,
    earlier: &mut Plans,
) -> (Vec<MetricFamily>, Vec<String>) {
    merged_with(parts, archive, &[], earlier)
}

fn merged_with(
    parts: &[Part],
    archive: &Archive,
    sums: &[Arc<ArchivedFamily>],
    earlier: &mut Plans,
) -> (Vec<MetricFamily>, Vec<String>) {
    let once = |earlier: &Plans| {
        let others = |_: &dyn Fn(&str) -> bool| Vec::new();
        let Merged { families, skipped, plans } =
            merge_with(parts, archive, sums, earlier, &[], 0, others);
        // NaN is not equal to itself; its text is.
        (format!("{families:?} {skipped:?}"), plans, families, skipped)
    };
    let (first, plans, families, skipped) = once(&Plans::new());
    assert_eq!(once(earlier).0, first);
    let (again, same, ..) = once(&plans);
    assert_eq!(again, first);
    assert!(
        plans.iter().all(|(name, plan)| Arc::ptr_eq(plan, same.get(name).unwrap())),
        "made anew"
    );
    *earlier = plans;
    (families, skipped.iter().map(ToString::to_string).collect())
}

/// Merges in many orders, and with the dead segments compacted in all ways, and asserts that the
/// results are equal.
fn merged(mut parts: Vec<Part>) -> (Vec<MetricFamily>, Vec<String>) {
    let mut plans = Plans::new();
    let first = merged_after(&parts, &Archive::default(), &mut plans);
    for _ in 0..parts.len() {
        parts.rotate_left(1);
        for i in 1..parts.len() {
            parts.swap(i - 1, i);
            let again = merged_after(&parts, &Archive::default(), &mut plans);
            assert_eq!(format!("{again:?}"), format!("{first:?}"));
        }
    }
    compaction_changes_nothing(&parts);
    for part in &mut parts {
        part.life = Life::Dead;
    }
    compaction_changes_nothing(&parts);
    first
}

/// Each dead segment stays, is compacted with the first generation, or with the second: all
/// combinations.
fn compaction_changes_nothing(parts: &[Part]) {
    // The archive has no families without series, and neither their votes nor the places of
    // declarations; sums in memory have all of it.
    let (mut plans, mut others_plans) = (Plans::new(), Plans::new());
    let exact = merged_after(parts, &Archive::default(), &mut others_plans);
    let mut shown = |parts: &[Part], archive: &Archive| {
        let (mut families, _) = merged_after(parts, archive, &mut plans);
        families.retain(|family| !family.series.is_empty());
        // NaN is not equal to itself; its text is.
        format!("{families:?}")
    };
    let first = shown(parts, &Archive::default());
    // All combinations; under miri some of them.
    let ways = 0..3_usize.pow(u32::try_from(parts.len()).unwrap());
    for ways in ways.step_by(if cfg!(miri) { 47 } else { 1 }) {
        let mut rest = ways;
        let mut portions = [vec![], vec![], vec![]];
        for part in parts {
            portions[rest % 3].push(part.clone());
            rest /= 3;
        }
        let [stay, one, two] = portions;
        if one.iter().chain(&two).any(Part::is_alive) {
            continue;
        }
        let others = [stay.clone(), two.clone()].concat();
        let archive = compacted(compacted(Archive::default(), &one, &others), &two, &stay);
        assert_eq!(shown(&stay, &archive), first, "{ways}");
        let mut dead = one.iter().chain(&two);
        if dead.all(|part| part.segment.log.layout.has_each_family_once()) {
            let now = Now { wall: 7, base: 7 };
            let sums = add_to_sums(&add_to_sums(&[], &one, now), &two, now);
            let shown = merged_with(&stay, &Archive::default(), &sums, &mut others_plans);
            assert_eq!(format!("{shown:?}"), format!("{exact:?}"), "{ways}");
        }
    }
}

fn only(families: &[MetricFamily]) -> &Value {
    let [MetricFamily { series, .. }] = families else { panic!("{families:?}") };
    let [Series { value, .. }] = series.as_slice() else { panic!("{series:?}") };
    value
}

#[test]
fn counters_are_added_over_shards_and_processes_and_wrap() {
    let a = part(1, vec![counter("c")], &[&[1], &[2], &[u64::MAX]]);
    let b = part(2, vec![counter("c")], &[&[10]]);
    let (families, skipped) = merged(vec![a, b]);
    assert_eq!(only(&families), &Value::Counter(Number::Integer(12)));
    assert_eq!(skipped.len(), 0);
}

#[test]
fn a_counter_of_floats_beside_one_of_integers_is_their_sum() {
    let float = family("c", Encoding::FloatCounter, &[]);
    let a = part(1, vec![float], &[&[0.5_f64.to_bits()], &[0.25_f64.to_bits()]]);
    let b = part(2, vec![counter("c")], &[&[3]]);
    assert_eq!(only(&merged(vec![a, b]).0), &Value::Counter(Number::Float(3.75)));
}

#[test]
fn histograms_show_the_bounds_that_all_have() {
    let nanos = family("h", Encoding::NanosHistogram, &[1_000_000_000, 2_000_000_000]);
    // The sum, its high word, three buckets.
    let a = part(1, vec![nanos], &[&[500_000_000, 0, 1, 2, 4], &[0, 0, 0, 0, 1]]);
    let bounds = [0.5_f64, 2.0].map(f64::to_bits);
    let float = family("h", Encoding::Histogram, &bounds);
    let b = part(2, vec![float], &[&[10.25_f64.to_bits(), 100, 200, 300]]);
    let buckets = vec![Bucket { le: 2.0, count: 303 }, Bucket { le: f64::INFINITY, count: 608 }];
    let expected = Value::Histogram(HistogramValue { buckets, sum: 10.75, native: None });
    let (families, skipped) = merged(vec![a, b]);
    assert_eq!(only(&families), &expected);
    assert_eq!(skipped, ["`h` is declared with different buckets: those that all have are shown"]);
}

#[test]
fn a_sum_of_nanoseconds_passes_64_bits() {
    let nanos = || family("h", Encoding::NanosHistogram, &[1]);
    let a = part(1, vec![nanos()], &[&[u64::MAX, 1, 0, 1], &[u64::MAX, 0, 0, 1]]);
    let Value::Histogram(h) = only(&merged(vec![a]).0).clone() else { panic!() };
    #[expect(clippy::cast_precision_loss, reason = "as the library rounds")]
    let expected = (2 * u128::from(u64::MAX) + (1 << 64)) as f64 / 1e9;
    assert_eq!(h.sum.to_bits(), expected.to_bits());
    assert_eq!(h.count(), 2);
}

#[test]
fn the_majoritys_kind_is_shown_and_the_other_reported() {
    let gauge = || family("x", Encoding::Gauge, &[]);
    let parts = vec![
        part(1, vec![counter("x")], &[&[1]]),
        part(2, vec![gauge()], &[&[7]]),
        part(3, vec![counter("x")], &[&[2]]),
    ];
    let (families, skipped) = merged(parts);
    assert_eq!(only(&families), &Value::Counter(Number::Integer(3)));
    assert_eq!(skipped.len(), 1);
    assert!(skipped[0].contains("a counter in most processes, and a gauge of mode sum"));
}

#[test]
fn a_segment_has_one_vote_however_often_it_declares() {
    let gauge = || family("x", Encoding::Gauge, &[]);
    let parts = vec![
        part(1, vec![counter("x")], &[&[1]]),
        part(2, vec![counter("x")], &[&[2]]),
        part(3, vec![gauge(), gauge(), gauge(), gauge()], &[&[7, 7, 7, 7]]),
    ];
    assert_eq!(only(&merged(parts).0), &Value::Counter(Number::Integer(3)));
}

#[test]
fn a_family_without_series_changes_nothing() {
    let histogram = |bound: f64| family("h", Encoding::Histogram, &[bound.to_bits()]);
    let mut empty = part(2, vec![histogram(2.0)], &[&[0, 0, 0]]);
    let layout = layout_of(&mut empty);
    layout.series.clear();
    layout.index();
    let (families, skipped) = merged(vec![part(1, vec![histogram(1.0)], &[&[0, 4, 0]]), empty]);
    let Value::Histogram(h) = only(&families) else { panic!("{families:?}") };
    assert_eq!(h.buckets[0], Bucket { le: 1.0, count: 4 });
    assert_eq!(skipped.len(), 0);
}

#[test]
fn families_whose_samples_would_collide_are_not_shown_together() {
    let histogram = || family("x", Encoding::Histogram, &[1.0_f64.to_bits()]);
    let parts = vec![
        part(1, vec![histogram(), counter("x_count")], &[&[0, 0, 0, 5]]),
        part(2, vec![histogram()], &[&[0, 1, 0]]),
    ];
    let (families, skipped) = merged(parts);
    let names: Vec<_> = families.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["x"]);
    assert_eq!(skipped.len(), 1);
}

#[test]
fn an_empty_label_is_an_absent_one() {
    let labelled = || LogFamily { labels: vec!["queue".to_owned()], ..counter("c") };
    let mut unlabelled_in_effect = part(1, vec![labelled()], &[&[1]]);
    let layout = layout_of(&mut unlabelled_in_effect);
    layout.series.clear();
    add_series(layout, (0, 1, (1, 1)), &[""]);
    layout.index();
    let (families, _) = merged(vec![unlabelled_in_effect, part(2, vec![counter("c")], &[&[2]])]);
    assert_eq!(only(&families), &Value::Counter(Number::Integer(3)));
    assert!(families[0].series[0].labels.is_empty());
}

#[test]
fn what_was_removed_counts_while_anyone_has_the_series() {
    let removed = |pid, n| {
        let mut part = part(pid, vec![counter("c")], &[&[n]]);
        // A nanosecond later than the process began.
        part.segment.header.log_epoch_ns = u64::from(pid) + 1;
        log_of(&mut part).removed = Removed::of(1, 1, 0);
        part
    };
    let kept = |pid, n| part(pid, vec![counter("c")], &[&[n]]);
    let shown = |parts| {
        let (families, _) = merged(parts);
        families.into_iter().flat_map(|family| family.series).next().map(|series| series.value)
    };
    let number = |n| Some(Value::Counter(Number::Integer(n)));
    assert_eq!(shown(vec![removed(1, 5)]), None);
    assert_eq!(shown(vec![removed(1, 5), kept(2, 2)]), number(7), "it was there all the while");
    assert_eq!(shown(vec![removed(1, 5), kept(3, 2)]), number(2), "it was gone, and came back");
    assert_eq!(shown(vec![removed(1, 5), removed(2, 1), kept(3, 2)]), number(8));
    let removed_gauge = || {
        let mut part = part(2, vec![gauge(GaugeMode::Max)], &[&[9.0_f64.to_bits() ^ UNSET]]);
        log_of(&mut part).removed = Removed::of(1, 1, 100);
        part
    };
    let other = part(1, vec![gauge(GaugeMode::Max)], &[&[3.0_f64.to_bits() ^ UNSET]]);
    assert_eq!(shown(vec![removed_gauge(), other]), Some(Value::Gauge(3.0)));
}

#[test]
fn what_runs_now_says_what_a_name_means() {
    let gauge = || family("x", Encoding::Gauge, &[]);
    let mut parts: Vec<Part> = (1..4).map(|pid| part(pid, vec![counter("x")], &[&[1]])).collect();
    for part in &mut parts {
        part.life = Life::Dead;
    }
    parts.push(part(4, vec![gauge()], &[&[7.0_f64.to_bits() ^ UNSET]]));
    let archive = compacted(Archive::default(), &parts[..2], &parts[2..]);
    for (parts, archive) in [(&parts[..], Archive::default()), (&parts[2..], archive)] {
        let (families, skipped) = merged_after(parts, &archive, &mut Plans::new());
        assert_eq!(only(&families), &Value::Gauge(7.0));
        assert_eq!(skipped.len(), 1);
    }
}

#[test]
fn a_series_is_as_old_as_the_first_process_that_has_it() {
    let parts = (3..6).map(|pid| part(pid, vec![counter("c")], &[&[1]])).collect();
    let created = merged(parts).0[0].series[0].created.unwrap();
    let since = created.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(since.as_nanos(), 3);
}
