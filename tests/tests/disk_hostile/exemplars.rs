//! Places of exemplars, and exemplars, that lie.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headcount::{Collector, Exemplar, Format};

use crate::forge::{F64, Family, Forged, GAUGE, HISTOGRAM, NATIVE, Record, numbers, series};
use crate::{collect, skips, with_two_segments};

/// The words of a copy before its check: its number, the value, the time, two of the trace's
/// identifier, and the span's.
pub(crate) type Words = [u64; 6];

/// Nothing but the number and the time are the same in two of them.
pub(crate) fn words(number: u64, value: f64, when: u64) -> Words {
    let id = value.to_bits() | 1;
    [number, value.to_bits(), when, id.rotate_left(7), id.rotate_left(23), id]
}

/// As FORMAT.md has it.
fn check(words: &Words) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |check: u64, word| {
        let check = (check ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
        check ^ (check >> 32)
    })
}

/// The cells of one of the two copies in the place at `slot`, with a check that is wrong by
/// `wrong`.
pub(crate) fn copy(slot: u64, which: u64, words: &Words, wrong: u64) -> Vec<(u64, u64)> {
    let check = check(words) ^ wrong;
    (slot + 1 + 8 * which..).zip(words.iter().copied().chain([check])).collect()
}

pub(crate) fn places(slot: u32, series: u32, cells: u32) -> Vec<u8> {
    Record::new(7, slot).u32(series).u32(cells).end()
}

/// A counter in cell 1, with 42, and a histogram of the bounds 1 and 2 in the cells from 2 on, with
/// 7 in each bucket.
fn log() -> Vec<u8> {
    let bounds = [1.0_f64, 2.0].map(f64::to_bits);
    let sizes = Family {
        metric: HISTOGRAM,
        value: F64,
        name: "x_size",
        bounds: &bounds,
        ..Family::default()
    };
    let families = [Family::default().record(0), sizes.record(1)].concat();
    [families, series(0, 1, 1, &[]), series(1, 2, 4, &[])].concat()
}

const COUNTS: [(u64, u64); 4] = [(1, 42), (3, 7), (4, 7), (5, 7)];

/// The counter's only place, and the first of the histogram's.
const OF_COUNTER: u64 = 10;
const OF_SIZES: u64 = 27;

/// A segment with these two families, these records behind theirs, and these cells beside theirs.
fn forged(records: &[Vec<u8>], cells: &[Vec<(u64, u64)>]) -> Forged {
    let log = [log(), records.concat()].concat();
    Forged { log, cells: [&COUNTS[..], &cells.concat()].concat(), ..Forged::default() }
}

/// One with places that are right, and these cells in them.
fn with_places(cells: &[Vec<(u64, u64)>]) -> Forged {
    forged(&[places(10, 1, 17), places(27, 2, 3 * 17)], cells)
}

pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
    u64::try_from(now.as_nanos()).expect("before 2554")
}

/// The exemplars of a family's only series; every page can be written.
fn exemplars(directory: &Path, family: &str) -> Vec<Exemplar> {
    let snapshot = Collector::from_directory(directory).auto_compact(false).collect();
    let snapshot = snapshot.expect("a snapshot");
    for format in [Format::OpenMetrics, Format::Protobuf, Format::Json] {
        snapshot.encode(format, &mut Vec::new()).expect("a page");
    }
    let family = snapshot.families().iter().find(|known| known.name == family);
    let [series] = &family.expect("it is there").series[..] else { panic!("{family:?}") };
    series.exemplars.clone()
}

/// The file is read, and its numbers are there; the values of the exemplars that are shown of the
/// counter, and of the histogram.
#[track_caller]
fn shown(forged: &Forged) -> (Vec<f64>, Vec<f64>) {
    let folder = with_two_segments();
    forged.write(folder.path());
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.at("x_total"), 42.0);
    assert_eq!(found.page.at("x_size_count"), 21.0);
    let values = |family| exemplars(folder.path(), family).iter().map(|one| one.value).collect();
    let both = (values("x_total"), values("x_size"));
    // So it is behind a compaction.
    let compacted = Collector::from_directory(folder.path()).compact().expect("ours");
    assert_eq!((compacted.segments(), compacted.skipped().len()), (3, 0));
    let values = |family| exemplars(folder.path(), family).iter().map(|one| one.value).collect();
    assert_eq!(both, (values("x_total"), values("x_size")));
    both
}

#[test]
fn places_of_exemplars_that_lie_are_skipped() {
    let of = |records: &[Vec<u8>]| Forged { limit: 4096, ..forged(records, &[]) };
    for cells in [0, 16, 18, 17 * 1_002, 1 << 31, 17 << 27, u32::MAX] {
        skips(&of(&[places(10, 1, cells)]), "the number of places for exemplars");
    }
    let overlap = "places for exemplars that overlap";
    for (slot, cells) in [(0, 17), ((1 << 24) - 16, 17), (u32::MAX, 17), (1 << 31, 17_017)] {
        skips(&of(&[places(slot, 1, cells)]), overlap);
    }
    skips(&of(&[places(10, 1, 17), places(10, 1, 17)]), overlap);
    skips(&of(&[places(10, 1, 34), places(43, 2, 17)]), overlap);
    skips(&of(&[places(40, 1, 17), places(24, 2, 17)]), overlap);
    // The cells of series, and of a native histogram's blocks.
    let other = "places for exemplars that overlap other cells";
    skips(&of(&[places(1, 1, 17)]), other);
    skips(&of(&[places(5, 2, 51)]), other);
    let native = Family { metric: NATIVE, value: F64, name: "x_bytes", ..Family::default() };
    let block = Record::new(6, 109).u32(100).u32(32).u32(1).u32(0).end();
    let native = [native.record(2), series(2, 100, 9, &[]), block].concat();
    skips(&of(&[native.clone(), places(140, 100, 17)]), other);
    skips(&of(&[native, places(90, 1, 17)]), other);
    // Cells that the segment does not have.
    let less = "more places for exemplars than it has space for";
    skips(&Forged { slots_used: 26, ..of(&[places(10, 1, 17)]) }, less);
    skips(&of(&[places(1 << 20, 1, 17)]), less);
}

#[test]
fn only_a_copy_whose_check_is_right_is_an_exemplar() {
    let now = now();
    let (old, new) = (words(4, 0.25, now), words(5, 0.5, now));
    let sizes = |which, words: &Words, wrong| copy(OF_SIZES, which, words, wrong);
    // Both are right: the greater number counts, wherever it is.
    assert_eq!(shown(&with_places(&[sizes(0, &old, 0), sizes(1, &new, 0)])).1, [0.5]);
    assert_eq!(shown(&with_places(&[sizes(1, &old, 0), sizes(0, &new, 0)])).1, [0.5]);
    // The newer one is half written, by a bit.
    for bit in [0, 31, 32, 63] {
        assert_eq!(shown(&with_places(&[sizes(0, &old, 0), sizes(1, &new, 1 << bit)])).1, [0.25]);
    }
    // Neither is right.
    let none: [f64; 0] = [];
    assert_eq!(shown(&with_places(&[sizes(0, &old, 1), sizes(1, &new, 1)])).1, none);
    // Each word is covered.
    for word in 0..6 {
        let mut torn = new;
        torn[word] ^= 1 << 40;
        let mut cells = sizes(1, &new, 0);
        cells[word].1 = torn[word];
        assert_eq!(shown(&with_places(&[sizes(0, &old, 0), cells])).1, [0.25], "word {word}");
    }
    // A place that somebody held for ever.
    let held = vec![(OF_SIZES, u64::MAX)];
    assert_eq!(shown(&with_places(&[held, sizes(0, &old, 0)])).1, [0.25]);
    // A number of 0 is none.
    assert_eq!(shown(&with_places(&[sizes(0, &words(0, 0.5, now), 0)])).1, none);
    let last = words(u64::MAX, 0.75, now);
    assert_eq!(shown(&with_places(&[sizes(0, &old, 0), sizes(1, &last, 0)])).1, [0.75]);
}

#[test]
fn identifiers_of_zero_and_values_that_are_none_are_left_out() {
    let now = now();
    let fine = words(2, 1.0, now);
    let none: [f64; 0] = [];
    for zeros in [&[3, 4][..], &[5], &[3, 4, 5]] {
        let mut words = words(3, 1.0, now);
        for at in zeros {
            words[*at] = 0;
        }
        assert_eq!(shown(&with_places(&[copy(OF_COUNTER, 0, &words, 0)])).0, none, "{zeros:?}");
        // The other copy is an exemplar.
        let both = [copy(OF_COUNTER, 0, &fine, 0), copy(OF_COUNTER, 1, &words, 0)];
        assert_eq!(shown(&with_places(&both)).0, [1.0], "{zeros:?}");
    }
    // Half an identifier is one.
    for half in [3, 4] {
        let mut words = words(3, 1.0, now);
        words[half] = 0;
        assert_eq!(shown(&with_places(&[copy(OF_COUNTER, 0, &words, 0)])).0, [1.0]);
    }
    for value in [f64::NAN, -f64::NAN, f64::from_bits(u64::MAX)] {
        let words = words(3, value, now);
        assert_eq!(shown(&with_places(&[copy(OF_SIZES, 0, &words, 0)])).1, none);
    }
    // Each value goes to the bucket that it belongs in, wherever it was found.
    let values = [f64::INFINITY, f64::NEG_INFINITY, 1.5];
    let cells =
        (0..).zip(values).map(|(n, value)| copy(OF_SIZES + 17 * n, 0, &words(1, value, now), 0));
    let sorted = [f64::NEG_INFINITY, 1.5, f64::INFINITY];
    assert_eq!(shown(&with_places(&cells.collect::<Vec<_>>())).1, sorted);
}

#[test]
fn no_exemplar_is_of_the_future_and_those_of_long_ago_are_left_out() {
    let (now, minute) = (now(), 60_000_000_000);
    let none: [f64; 0] = [];
    for long_ago in [0, 1, now / 2, now - 11 * minute] {
        let words = words(1, 0.5, long_ago);
        assert_eq!(shown(&with_places(&[copy(OF_SIZES, 0, &words, 0)])).1, none, "{long_ago}");
    }
    for later in [now + 60 * minute, now * 2, u64::MAX / 2, u64::MAX] {
        let folder = with_two_segments();
        let words = words(1, 0.5, later);
        with_places(&[copy(OF_SIZES, 0, &words, 0)]).write(folder.path());
        for _ in 0..2 {
            let found = exemplars(folder.path(), "x_size");
            let [one] = &found[..] else { panic!("{later}: {found:?}") };
            let age = SystemTime::now().duration_since(one.time).expect("it is not of the future");
            assert!(age < Duration::from_secs(600), "{later}: {one:?}");
            Collector::from_directory(folder.path()).compact().expect("ours");
        }
    }
}

#[test]
fn places_of_what_has_no_exemplars_have_no_effect() {
    let now = now();
    // One of the living, and one that stays.
    let gauge = |id: u32, mode, name| {
        let family = Family { metric: GAUGE, value: F64, mode, name, ..Family::default() };
        [family.record(id), series(id, 100 + id, 1, &[])].concat()
    };
    let gauges = [gauge(2, 8, "x_depth"), gauge(3, 7, "x_stock")].concat();
    // Of both gauges, of nothing, of a cell in the middle of a histogram, and of a series twice.
    let slots = [102, 103, 150, 4, 1, 1];
    let at = |n: usize| 200 + 17 * u32::try_from(n).expect("small");
    let records = slots.iter().enumerate().map(|(n, series)| places(at(n), *series, 17));
    let records: Vec<Vec<u8>> = [gauges].into_iter().chain(records).collect();
    let cell = |n: usize| copy(at(n).into(), 0, &words(1, 0.5, now + n as u64), 0);
    let cells: Vec<_> = (0..slots.len()).map(cell).collect();
    let (of_counter, of_sizes) = shown(&forged(&records, &cells));
    assert_eq!((of_counter.len(), of_sizes.len()), (1, 0));
    let folder = with_two_segments();
    forged(&records, &cells).write(folder.path());
    // Whoever wrote the file does not live.
    assert_eq!(collect(folder.path()).page.value("x_depth"), None);
    assert_eq!(collect(folder.path()).page.value("x_stock"), Some(0.0));
    assert!(exemplars(folder.path(), "x_stock").is_empty());
}

#[test]
fn as_many_places_as_there_are_cells_cost_bounded_memory() {
    let now = now();
    let folder = with_two_segments();
    let names = numbers(0..20_000);
    for instance in 1..=10 {
        let mut log = Family { labels: &["a"], ..Family::default() }.record(0);
        log.extend(series(0, 1, 1, &names));
        let mut cells = Vec::new();
        // A few of each series; or a thousand at a time, so that one has all of them.
        let at_once = if instance % 2 == 0 { 1 } else { 1_001 };
        let places_of = |n: u32| places(20_001 + n * 17 * at_once, 1 + n % 20_000, 17 * at_once);
        for n in 0..((1 << 20) - 20_001) / (17 * at_once) {
            log.extend(places_of(n));
            for place in 0..u64::from(at_once) {
                let slot = 20_001 + (u64::from(n * at_once) + place) * 17;
                cells.extend(copy(slot, 0, &words(1, 0.5, now + slot), 0));
            }
        }
        Forged { instance, log, cells, limit: 1 << 20, ..Forged::default() }.write(folder.path());
    }
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.at("x_total{a=\"7\"}"), 0.0);
}
