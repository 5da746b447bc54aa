//! Numbers, lengths and names that would cost a reader much.

use crate::families::leaves_out;
use crate::forge::{F64, Family, Forged, HISTOGRAM, NANOS, NATIVE, Record, numbers, series};
use crate::{collect, skips, with_two_segments};

#[test]
fn names_that_would_be_repeated_in_every_sample_are_short() {
    let name = "a".repeat(60_000);
    for family in [
        Family { labels: &[&name], ..Family::default() },
        Family { name: &name, labels: &["a"], ..Family::default() },
    ] {
        leaves_out(&family, 1, &numbers(0..20_000), "more than 1,024 bytes");
    }
    // Nor are values.
    let mut log = Family { labels: &["a"], ..Family::default() }.record(0);
    log.extend(series(0, 1, 1, &["v".repeat(1_025)]));
    skips(&Forged { log, ..Forged::default() }, "more than 1,024 bytes");
}

#[test]
fn values_that_multiply_are_bounded() {
    // Each value is short enough; all combinations are a gigabyte of text.
    let long: Vec<String> = (0..1_000).map(|i| format!("{i:01000}")).collect();
    let mut records = Family { labels: &["a", "b"], ..Family::default() }.record(0);
    let mut record = Record::new(2, 1).u32(0).u32(1).u32(1_000_000).u64(0);
    for _ in 0..2 {
        record = record.u16(long.len());
        for value in &long {
            record = record.string(value);
        }
    }
    records.extend(record.end());
    skips(&Forged { log: records, ..Forged::default() }, "more series than it has space for");
}

#[test]
fn series_that_lie_on_the_same_cells_are_bounded() {
    let bounds: Vec<u64> = (1..=999).collect();
    let family = Family {
        metric: HISTOGRAM,
        value: NANOS,
        labels: &["a"],
        bounds: &bounds,
        ..Family::default()
    };
    let mut log = family.record(0);
    for i in 0..20_000 {
        log.extend(series(0, 1, 1_002, &[i.to_string()]));
    }
    skips(&Forged { log, ..Forged::default() }, "more series than it has space for");
}

#[test]
fn a_histogram_of_more_bounds_than_one_may_have_is_skipped() {
    let bounds: Vec<u64> = (1..=65_535).collect();
    let family = Family { metric: HISTOGRAM, value: NANOS, bounds: &bounds, ..Family::default() };
    let mut log = family.record(0);
    log.extend(series(0, 1, 65_538, &[]));
    let forged = Forged { log, limit: 1 << 17, ..Forged::default() };
    skips(&forged, "more labels or bounds than a family may have");
}

#[test]
fn gigabytes_that_are_not_there_are_not_read() {
    let folder = with_two_segments();
    for instance in 1..=60 {
        // 12 KiB on the disk, and 256 MiB of zeros in memory.
        Forged { instance, shards: 31, limit: 1 << 20, ..Forged::default() }.write(folder.path());
    }
    // The good ones are read, although these come before them.
    let found = collect(folder.path());
    for skipped in &found.skipped {
        assert!(skipped.contains("too many cells to read"), "{skipped}");
    }
}

#[test]
fn cells_that_no_series_lies_in_are_not_added_up() {
    let folder = with_two_segments();
    for instance in 1..=60 {
        // 16 KiB on the disk, and a series in the last of a million cells, in a log like no other.
        let name = format!("x{instance}_total");
        let mut log = Family { name: &name, ..Family::default() }.record(0);
        log.extend(series(0, (1 << 20) - 1, 1, &[]));
        Forged { instance, log, limit: 1 << 20, ..Forged::default() }.write(folder.path());
    }
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.value("x60_total"), Some(0.0));
}

#[test]
fn a_counter_below_zero_has_no_effect() {
    for value in [-5.0, f64::NAN, f64::NEG_INFINITY] {
        let folder = with_two_segments();
        let mut log = Family { value: F64, name: "x_total", ..Family::default() }.record(0);
        log.extend(series(0, 1, 1, &[]));
        let cells = vec![(1, value.to_bits())];
        Forged { log, cells, ..Forged::default() }.write(folder.path());
        let found = collect(folder.path());
        assert!(found.page.value("x_total").is_none_or(|value| value >= 0.0));
    }
}

#[test]
fn buckets_that_wrap_do_not_fall() {
    let family = Family { metric: HISTOGRAM, value: NANOS, bounds: &[1, 2], ..Family::default() };
    let mut log = family.record(0);
    log.extend(series(0, 1, 5, &[]));
    let cells = vec![(3, 5), (4, u64::MAX - 2), (5, u64::MAX)];
    let folder = with_two_segments();
    Forged { log, cells, ..Forged::default() }.write(folder.path());
    // A page whose buckets fall is refused by its reader.
    let found = collect(folder.path());
    assert!(found.page.value("x_total_count").is_some() || !found.skipped.is_empty());
}

/// A native histogram of schema 0 at slot 1, which has 9 cells.
fn native() -> Vec<u8> {
    let family = Family { metric: NATIVE, value: F64, name: "x_bytes", ..Family::default() };
    let mut log = family.record(0);
    log.extend(series(0, 1, 9, &[]));
    log
}

fn block(slot: u32, cells: u32, first: i32, negative: u32) -> Vec<u8> {
    let record = Record::new(6, slot).u32(1).u32(cells);
    record.bytes(&first.to_le_bytes()).u32(negative).end()
}

#[test]
fn blocks_of_native_histograms_that_lie_are_skipped() {
    let forged = |blocks: &[Vec<u8>]| {
        let log = [native(), blocks.concat()].concat();
        Forged { log, limit: 4096, ..Forged::default() }
    };
    let overlap = "blocks of native histograms that overlap";
    skips(&forged(&[block(10, 32, 1, 0), block(41, 32, 33, 0)]), overlap);
    skips(&forged(&[block(100, 32, 1, 0), block(100, 32, 1, 1)]), overlap);
    skips(&forged(&[block(0, 32, 1, 0)]), overlap);
    skips(&forged(&[block(u32::MAX - 30, 32, 1, 0)]), overlap);
    let wrong = "a block of a native histogram";
    for (cells, first, negative) in
        [(1 << 31, 1, 0), (0, 1, 0), (33, 1, 0), (32, i32::MIN, 0), (32, i32::MAX, 0), (32, 1, 2)]
            .into_iter()
            // Its last bucket is the first one that there cannot be.
            .chain([(32, 65_506, 0), (32, -65_537, 1)])
    {
        skips(&forged(&[block(10, cells, first, negative)]), wrong);
    }
    // Cells that the segment does not have.
    let forged = Forged { slots_used: 40, ..forged(&[block(10, 32, 1, 0)]) };
    skips(&forged, "more blocks of native histograms than it has space for");
}

#[test]
fn as_many_blocks_as_there_are_cells_cost_bounded_memory() {
    let folder = with_two_segments();
    for instance in 1..=10 {
        let mut log = native();
        // All over the indices, and again and again the same.
        for n in 0..32_000 {
            let first = i32::try_from(n % 4_000).expect("few") * 32 - 64_000;
            log.extend(block(10 + 32 * n, 32, first, n % 2));
        }
        let cells = (10..4096).map(|slot| (slot, u64::MAX)).collect();
        Forged { instance, log, cells, ..Forged::default() }.write(folder.path());
    }
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    #[expect(clippy::cast_precision_loss, reason = "as the page has it")]
    let most = u64::MAX as f64;
    assert_eq!(found.page.value("x_bytes_count"), Some(most));
}

#[test]
fn a_bucket_that_no_archive_may_have_does_not_stop_compactions() {
    // The last bucket of either sign that there may be, and one beyond it.
    for (first, negative, is_fine) in
        [(65_505, 0, true), (-65_536, 1, true), (65_506, 0, false), (65_536, 1, false)]
    {
        let folder = with_two_segments();
        let log = [native(), block(10, 32, first, negative)].concat();
        let cells = (10..42).map(|slot| (slot, 1)).collect();
        let forged = Forged { log, cells, ..Forged::default() }.write(folder.path());
        let compacted = headcount::Collector::from_directory(folder.path()).compact();
        let compacted = compacted.unwrap_or_else(|error| panic!("{first}: {error}"));
        assert_eq!(compacted.segments(), if is_fine { 3 } else { 2 }, "{first}");
        assert_eq!(compacted.skipped().len(), usize::from(!is_fine), "{:?}", compacted.skipped());
        assert!(!forged.exists(), "it is compacted, or set aside");
        let found = collect(folder.path());
        let expected = is_fine.then_some(32.0);
        assert_eq!(found.page.value("x_bytes_count"), expected, "{first}");
    }
}
