//! Merging, on segments that no file ever held.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::collect::archive::tests::folded;
use crate::collect::decode::{Segment, SegmentLog};
use crate::collect::family::Cells;
use crate::collect::label_set::LabelSet;
use crate::collect::layout::{Label, Layout, LogSeries, NO_FLOAT};
use crate::collect::log::Removed;
use crate::collect::shard::Shard;
use crate::collect::snapshot::{Bucket, HistogramValue, Number, Series, Value};
use crate::collect::together::Counted;
use crate::segment::format::UNSET;
use crate::segment::format::tests::header;

fn family(name: &str, kind: FamilyKind, cells: Cells, bounds: &[u64]) -> LogFamily {
    let mode = (kind == FamilyKind::Gauge).then_some(Mode::Sum);
    let width = u32::try_from(bounds.len()).unwrap()
        + match (kind, cells) {
            (FamilyKind::Histogram, Cells::Nanos) => 3,
            (FamilyKind::Histogram, _) => 2,
            _ => 1,
        };
    LogFamily {
        name: name.to_owned(),
        unit: String::new(),
        help: format!("help of {name}"),
        place: "a.rs:1".to_owned(),
        kind,
        cells,
        mode,
        bounds: bounds.to_vec(),
        labels: vec![],
        width,
    }
}

fn counter(name: &str) -> LogFamily {
    family(name, FamilyKind::Counter, Cells::Unsigned, &[])
}

fn gauge(mode: Mode) -> LogFamily {
    let gauge = family("g", FamilyKind::Gauge, Cells::Float, &[]);
    LogFamily { mode: Some(mode), ..gauge }
}

/// Adds a series of a family: its number, its slot, and the states that it is one of.
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

/// A process with one series of each family, whose cells follow each other from slot 1 on.
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
    // Slot 0 is nobody's.
    let shards: Vec<Vec<u64>> = shards.iter().map(|cells| [&[0], *cells].concat()).collect();
    let later = shards[0].clone();
    let shards = shards.iter().map(|cells| Shard::of(cells)).collect();
    let log = SegmentLog { used: 0, layout: Arc::new(layout), since, removed: Removed::default() };
    let segment = Segment {
        header,
        log: Arc::new(log),
        dropped_series: 0,
        dropped_operations: 0,
        cut_label_values: 0,
        shards,
        later,
    };
    Part { segment, life: Life::Locked }
}

fn log_of(part: &mut Part) -> &mut SegmentLog {
    Arc::get_mut(&mut part.segment.log).unwrap()
}

fn layout_of(part: &mut Part) -> &mut Layout {
    Arc::get_mut(&mut log_of(part).layout).unwrap()
}

/// Merges, with plans of an earlier time and by the plans that come of it, and asserts that it makes no difference.
fn merged_after(
    parts: &[Part],
    archive: &Archive,
    earlier: &mut Plans,
) -> (Vec<Family>, Vec<String>) {
    let once = |earlier: &Plans| {
        let Merged { families, skipped, plans } = merge(parts, archive, earlier);
        // NaN is not equal to itself; its text is.
        (format!("{families:?} {skipped:?}"), plans, families, skipped)
    };
    let (first, plans, families, skipped) = once(&Plans::new());
    assert_eq!(once(earlier).0, first);
    let (again, same, ..) = once(&plans);
    assert_eq!(again, first);
    assert!(plans.iter().all(|(name, plan)| Arc::ptr_eq(plan, &same[name])), "made anew");
    *earlier = plans;
    (families, skipped.iter().map(ToString::to_string).collect())
}

/// Merges in many orders, and with whatever is dead folded in all portions, and asserts that it makes no difference.
fn merged(mut parts: Vec<Part>) -> (Vec<Family>, Vec<String>) {
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
    folding_changes_nothing(&parts);
    for part in &mut parts {
        part.life = Life::Dead;
    }
    folding_changes_nothing(&parts);
    first
}

/// Each dead segment stays, or is folded with the first generation, or with the second: all ways.
fn folding_changes_nothing(parts: &[Part]) {
    // A family of which nothing is shown is in no archive.
    let mut plans = Plans::new();
    let mut shown = |parts: &[Part], archive: &Archive| {
        let (mut families, _) = merged_after(parts, archive, &mut plans);
        families.retain(|family| !family.series.is_empty());
        // NaN is not equal to itself; its text is.
        format!("{families:?}")
    };
    let first = shown(parts, &Archive::default());
    // Each of the ways; under miri some.
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
        let archive = folded(folded(Archive::default(), &one, &others), &two, &stay);
        assert_eq!(shown(&stay, &archive), first, "{ways}");
    }
}

/// Numbers below a bound, always the same ones.
fn random(mut state: u64) -> impl FnMut(u32) -> u32 {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u32::try_from((state >> 33) % u64::from(below)).unwrap()
    }
}

fn only(families: &[Family]) -> &Value {
    let [Family { series, .. }] = families else { panic!("{families:?}") };
    let [Series { value, .. }] = series.as_slice() else { panic!("{series:?}") };
    value
}

#[test]
fn counters_are_added_over_shards_and_processes_and_wrap() {
    let a = part(1, vec![counter("c")], &[&[1], &[2], &[u64::MAX]]);
    let b = part(2, vec![counter("c")], &[&[10]]);
    let (families, skipped) = merged(vec![a, b]);
    assert_eq!(only(&families), &Value::Counter(Number::Integer(12)));
    assert!(skipped.is_empty());
}

#[test]
fn a_counter_of_floats_beside_one_of_integers_is_their_sum() {
    let float = family("c", FamilyKind::Counter, Cells::Float, &[]);
    let a = part(1, vec![float], &[&[0.5_f64.to_bits()], &[0.25_f64.to_bits()]]);
    let b = part(2, vec![counter("c")], &[&[3]]);
    assert_eq!(only(&merged(vec![a, b]).0), &Value::Counter(Number::Float(3.75)));
}

#[test]
fn histograms_show_the_bounds_that_all_have() {
    let nanos = family("h", FamilyKind::Histogram, Cells::Nanos, &[1_000_000_000, 2_000_000_000]);
    // sum, carries, three buckets.
    let a = part(1, vec![nanos], &[&[500_000_000, 0, 1, 2, 4], &[0, 0, 0, 0, 1]]);
    let bounds = [0.5_f64, 2.0].map(f64::to_bits);
    let float = family("h", FamilyKind::Histogram, Cells::Float, &bounds);
    let b = part(2, vec![float], &[&[10.25_f64.to_bits(), 100, 200, 300]]);
    let buckets = vec![Bucket { le: 2.0, count: 303 }, Bucket { le: f64::INFINITY, count: 608 }];
    let expected = Value::Histogram(HistogramValue { buckets, sum: 10.75 });
    let (families, skipped) = merged(vec![a, b]);
    assert_eq!(only(&families), &expected);
    assert_eq!(skipped, ["`h` is declared with different buckets: those that all have are shown"]);
}

#[test]
fn a_sum_of_nanoseconds_passes_64_bits() {
    let nanos = || family("h", FamilyKind::Histogram, Cells::Nanos, &[1]);
    let a = part(1, vec![nanos()], &[&[u64::MAX, 1, 0, 1], &[u64::MAX, 0, 0, 1]]);
    let Value::Histogram(h) = only(&merged(vec![a]).0).clone() else { panic!() };
    #[expect(clippy::cast_precision_loss, reason = "as the library rounds")]
    let expected = (2 * u128::from(u64::MAX) + (1 << 64)) as f64 / 1e9;
    assert_eq!(h.sum.to_bits(), expected.to_bits());
    assert_eq!(h.count(), 2);
}

#[test]
fn calls_in_progress_never_read_as_less_than_none() {
    let calls = || family("g", FamilyKind::Gauge, Cells::Wrapping, &[]);
    // Begun on one thread, ended on another; and an end seen before its beginning.
    let a = part(1, vec![calls()], &[&[5], &[3_u64.wrapping_neg()]]);
    let b = part(2, vec![calls()], &[&[1_u64.wrapping_neg()]]);
    assert_eq!(only(&merged(vec![a, b]).0), &Value::Gauge(2.0));
}

#[test]
fn gauges_combine_by_mode_whatever_the_order() {
    let cell = |value: f64| value.to_bits() ^ UNSET;
    let of = |mode: Mode, values: &[Option<f64>]| {
        let parts = values
            .iter()
            .zip(1..)
            .map(|(value, pid)| part(pid, vec![gauge(mode)], &[&[value.map_or(0, cell)]]));
        merged(parts.collect()).0
    };
    let value = |families: &[Family]| match only(families) {
        Value::Gauge(value) => *value,
        other => panic!("{other:?}"),
    };
    let some = [Some(3.0), None, Some(-1.0), Some(f64::NAN)];
    assert_eq!(value(&of(Mode::Min, &some)), -1.0);
    assert_eq!(value(&of(Mode::Max, &some)), 3.0);
    assert!(value(&of(Mode::Sum, &some)).is_nan());
    assert_eq!(value(&of(Mode::Sum, &some[..3])), 2.0);
    assert!(value(&of(Mode::Min, &some[3..])).is_nan());
    // A sum that nobody has set is 0; other modes have nothing to show.
    assert_eq!(value(&of(Mode::Sum, &[None, None])), 0.0);
    assert!(of(Mode::Max, &[None, None])[0].series.is_empty());
    let [Family { series, .. }] = &of(Mode::All, &some[..3])[..] else { panic!() };
    let labels: Vec<_> = series.iter().map(|s| s.labels.clone()).collect();
    let pid = |pid: &str| LabelSet::from_iter([("pid", pid)]);
    assert_eq!(labels, [pid("1"), pid("3")]);
}

#[test]
fn two_segments_with_one_pid_show_the_newer() {
    let set = |created: u64, value: f64| {
        let mut part = part(7, vec![gauge(Mode::All)], &[&[value.to_bits() ^ UNSET]]);
        part.segment.header.created_ns = created;
        log_of(&mut part).since.fill(created);
        part.segment.header.instance = [u8::try_from(created).unwrap(); 16];
        part
    };
    assert_eq!(
        only(&merged(vec![set(1, 10.0), set(3, 30.0), set(2, 20.0)]).0),
        &Value::Gauge(30.0)
    );
}

#[test]
fn the_dead_take_no_part_in_live_modes() {
    for (mode, expected) in [(Mode::LiveSum, 3.0), (Mode::LiveMin, 3.0), (Mode::LiveMax, 3.0)] {
        let alive = part(1, vec![gauge(mode)], &[&[3.0_f64.to_bits() ^ UNSET]]);
        let mut dead = part(2, vec![gauge(mode)], &[&[9.0_f64.to_bits() ^ UNSET]]);
        dead.life = Life::Dead;
        assert_eq!(only(&merged(vec![alive, dead]).0), &Value::Gauge(expected));
    }
}

#[test]
fn the_majoritys_kind_is_shown_and_the_other_told() {
    let gauge = || family("x", FamilyKind::Gauge, Cells::Float, &[]);
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
    let gauge = || family("x", FamilyKind::Gauge, Cells::Float, &[]);
    let parts = vec![
        part(1, vec![counter("x")], &[&[1]]),
        part(2, vec![counter("x")], &[&[2]]),
        part(3, vec![gauge(), gauge(), gauge(), gauge()], &[&[7, 7, 7, 7]]),
    ];
    assert_eq!(only(&merged(parts).0), &Value::Counter(Number::Integer(3)));
}

#[test]
fn a_family_without_series_changes_nothing() {
    let histogram =
        |bound: f64| family("h", FamilyKind::Histogram, Cells::Float, &[bound.to_bits()]);
    let mut empty = part(2, vec![histogram(2.0)], &[&[0, 0, 0]]);
    let layout = layout_of(&mut empty);
    layout.series.clear();
    layout.index();
    let (families, skipped) = merged(vec![part(1, vec![histogram(1.0)], &[&[0, 4, 0]]), empty]);
    let Value::Histogram(h) = only(&families) else { panic!("{families:?}") };
    assert_eq!(h.buckets[0], Bucket { le: 1.0, count: 4 });
    assert!(skipped.is_empty());
}

#[test]
fn families_whose_samples_would_collide_are_not_shown_together() {
    let histogram = || family("x", FamilyKind::Histogram, Cells::Float, &[1.0_f64.to_bits()]);
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
fn segments_that_share_a_layout_are_added_as_if_they_did_not() {
    let named = || {
        let sizes = family("h", FamilyKind::Histogram, Cells::Float, &[1.0_f64.to_bits()]);
        let times = family("n", FamilyKind::Histogram, Cells::Nanos, &[1_000_000_000]);
        let spent = family("f", FamilyKind::Counter, Cells::Float, &[]);
        let highest = LogFamily { name: "m".to_owned(), ..gauge(Mode::LiveMax) };
        vec![counter("c"), gauge(Mode::All), highest, sizes, times, spent]
    };
    let parts = |share: bool| {
        let mut parts: Vec<Part> = (1..5_u32)
            .map(|pid| {
                let n = f64::from(pid);
                let value = n.to_bits() ^ UNSET;
                // Of the histogram of nanoseconds: half of 2^64, and twice that in between; a bucket that no program fills; of money, what is none.
                let sums = [(n / 8.0).to_bits(), 1, 0, 1 << 63, 1, u64::MAX, 0, (-n).to_bits()];
                let own = [&[u64::from(pid), value, value], &sums[..]].concat();
                let thread = [10, 0, 0, 0.2_f64.to_bits(), 0, 1, 0, 0, 3, 4, 0.1_f64.to_bits()];
                part(pid, named(), &[&own, &thread])
            })
            .collect();
        parts[3].life = Life::Dead;
        // Apart from the others: it has removed its counter.
        log_of(&mut parts[2]).removed = Removed::of(1, 1, 0);
        if share {
            let layout = Arc::clone(&parts[0].segment.log.layout);
            for part in &mut parts {
                log_of(part).layout = Arc::clone(&layout);
            }
        }
        parts
    };
    let (shared, apart) = (merged(parts(true)), merged(parts(false)));
    assert_eq!(shared, apart);
    let value = |name: &str| {
        let family = shared.0.iter().find(|family| family.name == name).unwrap();
        (family.series.len(), &family.series.last().unwrap().value)
    };
    assert_eq!(value("c"), (1, &Value::Counter(Number::Integer(50))));
    assert_eq!(value("f"), (1, &Value::Counter(Number::Float(0.4))));
    assert_eq!(value("g").0, 4);
    assert_eq!(value("m"), (1, &Value::Gauge(3.0)));
    let (_, Value::Histogram(sizes)) = value("h") else { panic!() };
    assert_eq!((sizes.sum.to_bits(), sizes.count()), (2.05_f64.to_bits(), 8));
    let (_, Value::Histogram(times)) = value("n") else { panic!() };
    // Four halves and four carries of 2^64 ns.
    assert_eq!(times.sum.to_bits(), (6.0 * 2.0_f64.powi(64) / 1e9).to_bits());
    assert_eq!((times.buckets[0].count, times.count()), (u64::MAX, u64::MAX));
}

#[test]
fn the_cells_of_many_processes_come_to_their_sums() {
    let mut random = random(11);
    for _ in 0..if cfg!(miri) { 5 } else { 300 } {
        let histogram = family("h", FamilyKind::Histogram, Cells::Nanos, &[1, 2]);
        let families = vec![counter("c"), histogram];
        // Gaps as only a forger leaves them, and shards that end anywhere.
        let mut layout = Layout::default();
        let mut end = 1;
        for _ in 0..random(40) {
            let (family, gap) = (random(2) as usize, random(3) * random(9));
            let slot = end + gap;
            add_series(&mut layout, (family, slot, (slot, 1)), &[]);
            end = slot + families[family].width;
        }
        layout.families = families.clone();
        layout.index();
        let layout = Arc::new(layout);
        let parts: Vec<Part> = (1..2 + random(5))
            .map(|pid| {
                let mut part = part(pid, families.clone(), &[&[]]);
                let shards = (0..random(4)).map(|_| {
                    let value = |n| [0, 1, 1 << 63, u64::MAX, u64::from(n)][n as usize % 5];
                    Shard::of(
                        &(0..random(end + 1)).map(|_| value(random(1_000))).collect::<Vec<_>>(),
                    )
                });
                part.segment.shards = shards.collect();
                log_of(&mut part).layout = Arc::clone(&layout);
                part
            })
            .collect();
        let logs = logs(&parts);
        let [log] = &logs[..] else { panic!("{}", logs.len()) };
        for series in &layout.series {
            for offset in 0..families[series.family as usize].width {
                let at = (series.slot + offset) as usize;
                let shards = parts.iter().flat_map(|part| &part.segment.shards);
                let cells = shards.filter_map(|shard| shard.get(at));
                let sum: u128 = cells.map(u128::from).sum();
                let (sum_of_all, carries) = log.sum(series.slot, offset);
                assert_eq!(u128::from(carries) << 64 | u128::from(sum_of_all), sum, "{at}");
            }
        }
    }
}

#[test]
fn a_plan_serves_its_own_series_only_whoever_comes_and_goes() {
    let mut random = random(5);
    let kinds = [
        family("m", FamilyKind::Counter, Cells::Unsigned, &[]),
        family("m", FamilyKind::Counter, Cells::Float, &[]),
        LogFamily { name: "m".to_owned(), ..gauge(Mode::Max) },
        LogFamily { name: "m".to_owned(), ..gauge(Mode::All) },
    ];
    let labels = [&["x"][..], &["x", "y"], &["y", "x"], &["z"], &[]];
    let mut shown = BTreeSet::new();
    for _ in 0..if cfg!(miri) { 2 } else { 40 } {
        // Programs that declare one name in several ways, with series that are alike and some that aren't.
        let mut layouts = Vec::new();
        for _ in 0..3 {
            let mut layout = Layout::default();
            for id in 0..=random(3) as usize {
                let labels = labels[random(5) as usize].iter().map(|name| (*name).to_owned());
                let labels: Vec<String> = labels.collect();
                let kind = kinds[if random(4) > 0 { 0 } else { random(4) as usize }].clone();
                for _ in 0..=random(4) {
                    let slot = u32::try_from(layout.series.len()).unwrap() + 1;
                    let from = layout.labels.len();
                    let values: Vec<&str> =
                        labels.iter().map(|_| ["", "1", "2", "3"][random(4) as usize]).collect();
                    add_series(&mut layout, (id, slot, (slot, 1)), &values);
                    layout.labels[from..].sort_by_key(|label| &labels[usize::from(label.name)]);
                }
                layout.families.push(LogFamily { labels, ..kind });
            }
            layout.index();
            layouts.push(Arc::new(layout));
        }
        let (mut plans, mut archive) = (Plans::new(), Archive::default());
        let mut parts: Vec<Part> = Vec::new();
        for pid in 1..40 {
            let layout = &layouts[random(3) as usize];
            let cells: Vec<u64> = (0..layout.series.len()).map(|_| u64::from(random(9))).collect();
            let mut part = part(pid, vec![counter("m"); layout.families.len()], &[&cells]);
            log_of(&mut part).layout = Arc::clone(layout);
            if random(5) == 0 {
                log_of(&mut part).removed = Removed::of(1 + random(4), 1, u64::from(random(50)));
            }
            parts.insert(random(1 + u32::try_from(parts.len()).unwrap()) as usize, part);
            match random(6) {
                0 => {
                    parts.remove(random(u32::try_from(parts.len()).unwrap()) as usize);
                }
                1 => {
                    let mut dead = parts.split_off(parts.len() / 2);
                    for part in &mut dead {
                        part.life = Life::Dead;
                    }
                    archive = folded(archive, &dead, &parts);
                }
                2 => archive = Archive::default(),
                _ => {}
            }
            // Which asserts that the plans make no difference.
            shown.insert(format!("{:?}", merged_after(&parts, &archive, &mut plans)));
        }
    }
    assert!(cfg!(miri) || shown.len() > 500, "only {} differ", shown.len());
}

#[test]
fn the_value_that_was_set_last_is_the_most_recent() {
    let cell = |value: f64| value.to_bits() ^ UNSET;
    let recent = || LogFamily { width: 2, ..gauge(Mode::MostRecent) };
    let set = |pid, when, value: f64| part(pid, vec![recent()], &[&[when, cell(value)]]);
    let parts = || vec![set(1, 20, 1.0), set(2, 30, f64::NAN), set(3, 10, 3.0)];
    let Value::Gauge(value) = *only(&merged(parts()).0) else { panic!() };
    assert!(value.is_nan());
    // Of two at the same moment one, whichever comes first; who was never set takes no part.
    let parts = vec![set(1, 20, 1.0), set(2, 20, 4.0), part(3, vec![recent()], &[&[0, 0]])];
    assert_eq!(only(&merged(parts).0), &Value::Gauge(4.0));
    assert!(merged(vec![part(3, vec![recent()], &[&[0, 0]])]).0[0].series.is_empty());
}

fn states(pid: u32, mode: Mode, cells: &[u64]) -> Part {
    let set = family("s", FamilyKind::StateSet, Cells::Unsigned, &[]);
    let set = LogFamily { mode: Some(mode), labels: vec!["s".to_owned()], ..set };
    let mut part = part(pid, vec![set], &[cells]);
    let count = u32::try_from(cells.len()).unwrap();
    let layout = layout_of(&mut part);
    layout.series.clear();
    for state in 0..count {
        add_series(layout, (0, 1 + state, (1, count)), &[&format!("state{state}")]);
    }
    layout.index();
    part
}

#[test]
fn one_state_holds_in_each_process_and_the_mode_says_what_they_make() {
    let value = |mode| {
        let parts = vec![
            states(1, mode, &[5, 9, 0]),
            states(2, mode, &[0, 7, 0]),
            states(3, mode, &[20, 0, 3]),
            states(4, mode, &[0, 0, 0]),
        ];
        let families = merged(parts).0;
        let series = families[0].series.iter().map(|series| match series.value {
            Value::Gauge(value) => value,
            _ => panic!(),
        });
        (families[0].kind, series.collect::<Vec<_>>())
    };
    assert_eq!(value(Mode::Sum), (FamilyKind::Gauge, vec![1.0, 2.0, 0.0]));
    assert_eq!(value(Mode::MostRecent), (FamilyKind::StateSet, vec![1.0, 0.0, 0.0]));
    assert_eq!(value(Mode::Max), (FamilyKind::StateSet, vec![1.0, 1.0, 0.0]));
    // Three processes have a state, each with three series.
    assert_eq!(value(Mode::All).1.len(), 9);
}

#[test]
fn an_info_is_shown_while_someone_lives_who_has_it() {
    let info = || {
        let info = family("build_info", FamilyKind::Info, Cells::Unsigned, &[]);
        LogFamily { labels: vec!["version".to_owned()], ..info }
    };
    let mut dead = part(2, vec![info()], &[&[0]]);
    dead.life = Life::Dead;
    assert_eq!(
        only(&merged(vec![part(1, vec![info()], &[&[0]]), dead.clone()]).0),
        &Value::Gauge(1.0)
    );
    assert!(merged(vec![dead]).0.iter().all(|family| family.series.is_empty()));
}

#[test]
fn what_was_removed_counts_while_anyone_has_the_series() {
    let removed = |pid, n| {
        let mut part = part(pid, vec![counter("c")], &[&[n]]);
        // A nanosecond later than its process began.
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
        let mut part = part(2, vec![gauge(Mode::Max)], &[&[9.0_f64.to_bits() ^ UNSET]]);
        log_of(&mut part).removed = Removed::of(1, 1, 100);
        part
    };
    let other = part(1, vec![gauge(Mode::Max)], &[&[3.0_f64.to_bits() ^ UNSET]]);
    assert_eq!(shown(vec![removed_gauge(), other]), Some(Value::Gauge(3.0)));
}

#[test]
fn the_newest_dead_are_kept_where_each_process_is_a_series() {
    let mut parts: Vec<Part> = (1..=100)
        .map(|pid| part(pid, vec![gauge(Mode::All)], &[&[f64::from(pid).to_bits() ^ UNSET]]))
        .collect();
    for part in parts.iter_mut().skip(1) {
        part.life = Life::Dead;
    }
    let pids = |archive: &Archive, parts: &[Part]| {
        let (families, _) = merged_after(parts, archive, &mut Plans::new());
        let series = families[0].series.iter();
        let mut pids: Vec<u32> =
            series.map(|s| s.labels.get("pid").unwrap().parse().unwrap()).collect();
        pids.sort_unstable();
        pids
    };
    let expected: Vec<u32> = [1].into_iter().chain(37..=100).collect();
    assert_eq!(pids(&Archive::default(), &parts), expected);
    let dead = parts.split_off(1);
    let mut archive = Archive::default();
    for portion in dead.chunks(7).rev() {
        archive = folded(archive, portion, &parts);
    }
    assert_eq!(pids(&archive, &parts), expected);
}

#[test]
fn what_runs_now_says_what_a_name_means() {
    let gauge = || family("x", FamilyKind::Gauge, Cells::Float, &[]);
    let mut parts: Vec<Part> = (1..4).map(|pid| part(pid, vec![counter("x")], &[&[1]])).collect();
    for part in &mut parts {
        part.life = Life::Dead;
    }
    parts.push(part(4, vec![gauge()], &[&[7.0_f64.to_bits() ^ UNSET]]));
    let archive = folded(Archive::default(), &parts[..2], &parts[2..]);
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
