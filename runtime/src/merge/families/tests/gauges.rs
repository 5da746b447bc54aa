//! Tests gauges, infos and state sets.

use crate::merge::part::Part;
use crate::merge::plan::Plans;

use super::*;

#[test]
fn calls_in_progress_never_read_as_less_than_none() {
    let calls = || family("g", Encoding::InProgress, &[]);
    // Begun on one thread and ended on another; and an end that is seen before its beginning.
    let a = part(1, vec![calls()], &[&[5], &[3_u64.wrapping_neg()]]);
    let b = part(2, vec![calls()], &[&[1_u64.wrapping_neg()]]);
    assert_eq!(only(&merged(vec![a, b]).0), &Value::Gauge(2.0));
}

#[test]
fn gauges_combine_by_mode_whatever_the_order() {
    let cell = |value: f64| value.to_bits() ^ UNSET;
    let of = |mode: GaugeMode, values: &[Option<f64>]| {
        let parts = values
            .iter()
            .zip(1..)
            .map(|(value, pid)| part(pid, vec![gauge(mode)], &[&[value.map_or(0, cell)]]));
        merged(parts.collect()).0
    };
    let value = |families: &[MetricFamily]| match only(families) {
        Value::Gauge(value) => *value,
        other => panic!("{other:?}"),
    };
    let some = [Some(3.0), None, Some(-1.0), Some(f64::NAN)];
    assert_eq!(value(&of(GaugeMode::Min, &some)), -1.0);
    assert_eq!(value(&of(GaugeMode::Max, &some)), 3.0);
    assert!(value(&of(GaugeMode::Sum, &some)).is_nan());
    assert_eq!(value(&of(GaugeMode::Sum, &some[..3])), 2.0);
    assert!(value(&of(GaugeMode::Min, &some[3..])).is_nan());
    // A sum that was never set is 0; other modes have nothing to show.
    assert_eq!(value(&of(GaugeMode::Sum, &[None, None])), 0.0);
    assert_eq!(of(GaugeMode::Max, &[None, None])[0].series.len(), 0);
    let [MetricFamily { series, .. }] = &of(GaugeMode::All, &some[..3])[..] else { panic!() };
    let labels: Vec<_> = series.iter().map(|s| s.labels.clone()).collect();
    let pid = |pid: &str| LabelSet::from_iter([("pid", pid)]);
    assert_eq!(labels, [pid("1"), pid("3")]);
}

#[test]
fn two_segments_with_one_pid_show_the_newer() {
    let set = |created: u64, value: f64| {
        let mut part = part(7, vec![gauge(GaugeMode::All)], &[&[value.to_bits() ^ UNSET]]);
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
    for (mode, expected) in
        [(GaugeMode::LiveSum, 3.0), (GaugeMode::LiveMin, 3.0), (GaugeMode::LiveMax, 3.0)]
    {
        let alive = part(1, vec![gauge(mode)], &[&[3.0_f64.to_bits() ^ UNSET]]);
        let mut dead = part(2, vec![gauge(mode)], &[&[9.0_f64.to_bits() ^ UNSET]]);
        dead.life = Life::Dead;
        assert_eq!(only(&merged(vec![alive, dead]).0), &Value::Gauge(expected));
    }
}

#[test]
fn the_value_that_was_set_last_is_the_most_recent() {
    let cell = |value: f64| value.to_bits() ^ UNSET;
    let recent = || LogFamily { width: 2, ..gauge(GaugeMode::MostRecent) };
    let set = |pid, when, value: f64| part(pid, vec![recent()], &[&[when, cell(value)]]);
    let parts = || vec![set(1, 20, 1.0), set(2, 30, f64::NAN), set(3, 10, 3.0)];
    let Value::Gauge(value) = *only(&merged(parts()).0) else { panic!() };
    assert!(value.is_nan());
    // Of two values that were set at the same moment, the same one in any order. One that was never
    // set takes no part.
    let parts = vec![set(1, 20, 1.0), set(2, 20, 4.0), part(3, vec![recent()], &[&[0, 0]])];
    assert_eq!(only(&merged(parts).0), &Value::Gauge(4.0));
    assert_eq!(merged(vec![part(3, vec![recent()], &[&[0, 0]])]).0[0].series.len(), 0);
}

fn states(pid: u32, mode: GaugeMode, cells: &[u64]) -> Part {
    let set = family("s", Encoding::StateSet, &[]);
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
    assert_eq!(value(GaugeMode::Sum), (MetricType::Gauge, vec![1.0, 2.0, 0.0]));
    assert_eq!(value(GaugeMode::MostRecent), (MetricType::StateSet, vec![1.0, 0.0, 0.0]));
    assert_eq!(value(GaugeMode::Max), (MetricType::StateSet, vec![1.0, 1.0, 0.0]));
    // Three processes have a state, each with three series.
    assert_eq!(value(GaugeMode::All).1.len(), 9);
}

#[test]
fn an_info_is_shown_while_someone_lives_who_has_it() {
    let info = || {
        let info = family("build_info", Encoding::Info, &[]);
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
fn the_newest_dead_are_kept_where_each_process_is_a_series() {
    let mut parts: Vec<Part> = (1..=100)
        .map(|pid| part(pid, vec![gauge(GaugeMode::All)], &[&[f64::from(pid).to_bits() ^ UNSET]]))
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
        archive = compacted(archive, portion, &parts);
    }
    assert_eq!(pids(&archive, &parts), expected);
}
