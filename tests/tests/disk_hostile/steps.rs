//! Records of some megabytes that would make a reader take steps for hours, since each of one kind
//! would be compared with each of another. A collection has a minute.

use crate::exemplars::{copy, now, places, words};
use crate::forge::{F64, Family, Forged, NATIVE, Record, STATE_SET, numbers, series};
use crate::{collect, skips, with_two_segments};

const SLOTS: u32 = 1 << 20;

/// Counters, each behind a gap.
fn with_gaps(many: u32) -> Vec<u8> {
    let mut log = Family::default().record(0);
    (0..many).for_each(|n| log.extend(series(0, 1 + 2 * n, 1, &[])));
    log
}

#[test]
fn places_beyond_the_slots_in_use_are_not_compared_with_series() {
    let mut log = with_gaps(300_000);
    (0..900_000).for_each(|n| log.extend(places(SLOTS + 17 * n, 1, 17)));
    skips(&Forged { log, ..Forged::default() }, "more places for exemplars than it has space for");
}

#[test]
fn each_place_is_found_among_the_series_in_few_steps() {
    let folder = with_two_segments();
    let mut log = with_gaps(250_000);
    let free = 500_001;
    (0..(SLOTS - free) / 17).for_each(|n| log.extend(places(free + 17 * n, 1, 17)));
    for instance in 1..=8 {
        let log = log.clone();
        Forged { instance, log, ..Forged::default() }.write(folder.path());
    }
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.at("x_total"), 0.0);
}

#[test]
fn series_that_have_the_same_cells_are_skipped() {
    let says = "series that have the same cells";
    let labelled = || Family { labels: &["a"], ..Family::default() };
    let three = |first: u32, second: u32| {
        let one = series(0, first, 1, &["b".into(), "c".into()]);
        let log = [labelled().record(0), one, series(0, second, 1, &["d".into()])].concat();
        Forged { log, ..Forged::default() }
    };
    for (first, second) in [(1, 1), (1, 2), (7, 8)] {
        skips(&three(first, second), says);
    }
    // A removed one too: its cells are free in another log only.
    let mut removed = three(1, 1);
    removed.log.extend(Record::new(3, 1).u32(2).u32(0).u64(7).end());
    skips(&removed, says);
    // Beside each other they are fine.
    let folder = with_two_segments();
    three(1, 3).write(folder.path());
    assert!(collect(folder.path()).skipped.is_empty());
}

#[test]
fn blocks_on_the_cells_of_a_series_are_skipped() {
    let native = Family { metric: NATIVE, value: F64, name: "x_bytes", ..Family::default() };
    let one = |block: u32| {
        let log = [native.record(0), series(0, 1, 9, &[]), Family::default().record(1)].concat();
        let block = Record::new(6, block).u32(1).u32(32).u32(1).u32(0).end();
        [log, series(1, 50, 1, &[]), block].concat()
    };
    for block in [9, 19, 50] {
        let says = "blocks of native histograms that overlap other cells";
        skips(&Forged { log: one(block), ..Forged::default() }, says);
    }
    for block in [10, 18, 51] {
        let folder = with_two_segments();
        Forged { log: one(block), ..Forged::default() }.write(folder.path());
        assert!(collect(folder.path()).skipped.is_empty());
    }
}

#[test]
fn a_help_text_that_comes_late_is_given_in_few_steps() {
    let folder = with_two_segments();
    let mut log = Vec::new();
    for id in 0..200_000 {
        log.extend(Family { help: "", ..Family::default() }.record(id));
    }
    for id in 200_000..400_000 {
        log.extend(Family::default().record(id));
    }
    log.extend(series(0, 1, 1, &[]));
    Forged { log, ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.at("x_total"), 0.0);
}

#[test]
fn the_blocks_of_a_slot_are_not_added_to_each_of_many_series() {
    let native = Family { metric: NATIVE, value: F64, name: "x_bytes", ..Family::default() };
    let mut log = native.record(0);
    (0..58_000).for_each(|_| log.extend(series(0, 1, 9, &[])));
    for n in 0..16_000 {
        let block = Record::new(6, 10 + 32 * n).u32(1).u32(32).u32(1).u32(0);
        log.extend(block.end());
    }
    skips(&Forged { log, limit: SLOTS, ..Forged::default() }, "series that have the same cells");
}

#[test]
fn the_exemplars_of_a_slot_are_not_added_to_each_of_many_series() {
    let (now, many) = (now(), 500_000);
    let mut log = Family::default().record(0);
    (0..many).for_each(|_| log.extend(series(0, 1, 1, &[])));
    let mut cells = Vec::new();
    for n in 0..30_000 {
        log.extend(places(10 + 17 * n, 1, 17));
        cells.extend(copy(u64::from(10 + 17 * n), 0, &words(1, 0.5, now), 0));
    }
    let forged = Forged { log, cells, limit: SLOTS, ..Forged::default() };
    skips(&forged, "series that have the same cells");
}

#[test]
fn spans_that_come_in_any_order_are_joined_in_few_steps() {
    let folder = with_two_segments();
    // One series again and again, each time before all others; then spans that join the first two.
    let many = 200_000;
    let mut log = Family::default().record(0);
    let mut span = |slot: u32, from: u64, until: u64| {
        log.extend(Record::new(2, slot).u32(0).u32(1).u32(1).u64(from).end());
        log.extend(Record::new(3, slot).u32(1).u32(0).u64(until).end());
    };
    for n in 0..many {
        let from = 10 * u64::from(many - n);
        span(1 + n, from, from + 1);
    }
    for n in 0..many / 2 {
        let from = 20 * u64::from(n) + 11;
        span(1 + many + n, from, from + 9);
    }
    Forged { log, ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.value("x_total"), None, "it was removed");
}

#[test]
fn the_states_of_large_sets_are_compared_in_few_steps() {
    let folder = with_two_segments();
    let set = Family { metric: STATE_SET, mode: 5, name: "s", labels: &["s"], ..Family::default() };
    let mut log = set.record(0);
    for n in 0..16 {
        let first = n * 50_000;
        log.extend(series(0, 1 + first, 1, &numbers(first..first + 50_000)));
    }
    Forged { log, ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.value("s{s=\"7\"}"), None, "no state was entered");
}
