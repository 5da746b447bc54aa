//! Records of some megabytes that would make a reader take steps for hours, since each of one kind
//! would be compared with each of another. A collection has a minute.

use crate::exemplars::places;
use crate::forge::{Family, Forged, series};
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
