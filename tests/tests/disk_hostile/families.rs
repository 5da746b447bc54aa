//! Families that contradict others, that no page can show, or that nobody could have declared.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::forge::{
    COUNTER, F64, Family, Forged, GAUGE, HISTOGRAM, NANOS, Record, U64, seal_header, series,
};
use crate::{collect, with_two_segments};

/// The file is read without its first family, which is reported; its family `intact_total`, with
/// the number 1, counts. So it is once a compaction has read the file.
#[track_caller]
pub(crate) fn leaves_out(first: &Family<'_>, width: u32, values: &[String], says: &str) {
    let folder = with_two_segments();
    let mut log = first.record(0);
    log.extend(Family { name: "intact_total", ..Family::default() }.record(1));
    log.extend(series(0, 1, width, values));
    let slot = 1 + width * u32::try_from(values.len().max(1)).expect("small");
    log.extend(series(1, slot, 1, &[]));
    let cells = vec![(u64::from(slot), 42)];
    let path = Forged { log, cells, limit: 1 << 17, ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    assert!(skipped.starts_with(path.to_str().expect("UTF-8")), "{skipped}");
    assert!(skipped.contains(" is left out") && skipped.contains(says), "{skipped}");
    assert_eq!(found.page.at("headcount_files_skipped{reason=\"invalid\"}"), 1.0);
    assert_eq!(found.page.at("headcount_processes{state=\"dead\"}"), 3.0);
    assert_eq!(found.page.at("intact_total"), 42.0);

    let compacted = headcount::Collector::from_directory(folder.path()).compact().expect("ours");
    assert_eq!(compacted.segments(), 3);
    let [skipped] = compacted.skipped() else { panic!("{:?}", compacted.skipped()) };
    assert!(skipped.is_invalid() && skipped.to_string().contains(says), "{skipped}");
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    assert_eq!(found.page.at("intact_total"), 42.0);
}

/// The file is read, and one conflict is reported.
#[track_caller]
fn conflicts(forged: &Forged, says: &str) {
    let folder = with_two_segments();
    forged.write(folder.path());
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    assert!(skipped.contains(says), "{skipped}");
    assert_eq!(found.page.at("headcount_files_skipped{reason=\"conflict\"}"), 1.0);
}

#[test]
fn a_family_that_no_page_can_show_costs_itself_only() {
    let bits = |bounds: &[f64]| bounds.iter().map(|bound| bound.to_bits()).collect::<Vec<_>>();
    let (falling, equal) = (bits(&[2.0, 1.0]), bits(&[1.0, 1.0]));
    let (infinite, nan) = (bits(&[1.0, f64::INFINITY]), bits(&[f64::NAN]));
    let fine = bits(&[1.0]);
    let counter = Family::default;
    // A series for each process, whose label that is.
    let gauge = || Family { metric: GAUGE, value: F64, mode: 1, ..Family::default() };
    let histogram = |bounds| Family { metric: HISTOGRAM, value: F64, bounds, ..counter() };
    let ascend = "bounds that don't ascend";
    let characters = "a name with characters that names don't have";
    let label = "a label twice, or one that is reserved";
    let value = [String::from("v")];
    for (family, width, says) in [
        // The bounds: none, some where none belong, and others.
        (histogram(&[]), 2, "buckets of a type without them, or a histogram without"),
        (Family { bounds: &fine, ..counter() }, 2, "buckets of a type without them"),
        (histogram(&falling), 4, ascend),
        (histogram(&equal), 4, ascend),
        (histogram(&infinite), 4, ascend),
        (histogram(&nan), 3, ascend),
        // Different as integers, equal as what they are shown as.
        (Family { value: NANOS, ..histogram(&[1 << 60, (1 << 60) + 1]) }, 5, ascend),
        (Family { name: "", ..counter() }, 1, characters),
        (Family { name: "a b_total", ..counter() }, 1, characters),
        (Family { name: "a\nb_total 7\nb_total", ..counter() }, 1, characters),
        (Family { labels: &["a b"], ..counter() }, 1, characters),
        (Family { labels: &[""], ..counter() }, 1, characters),
        (Family { labels: &["__name__"], ..counter() }, 1, label),
        (Family { labels: &["pid"], ..gauge() }, 1, label),
        (Family { labels: &["le"], ..histogram(&fine) }, 3, label),
    ] {
        let values = if family.labels.is_empty() { &[][..] } else { &value };
        leaves_out(&family, width, values, says);
    }
    let folder = with_two_segments();
    let mut log = Family { labels: &["a", "a"], ..counter() }.record(0);
    let twice = Record::new(2, 1).u32(0).u32(1).u32(1).u64(0).u16(1).string("x").u16(1);
    log.extend(twice.string("y").end());
    log.extend(Family { name: "b b", ..Family::default() }.record(1));
    Forged { log, ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    let says = "the family `x_total` is left out (and another family): a label twice";
    assert!(skipped.contains(says), "{skipped}");
}

#[test]
fn what_is_wrong_in_a_later_version_is_left_alone() {
    let folder = with_two_segments();
    let mut log = Family { name: "a b", ..Family::default() }.record(0);
    log.extend(series(0, 1, 1, &[]));
    let path = Forged { log, ..Forged::default() }.write(folder.path());
    let mut header = vec![0; 4096];
    File::open(&path).expect("ours").read_exact_at(&mut header, 0).expect("longer");
    header[8] = 2;
    header[10] = 9;
    seal_header(&mut header);
    File::options().write(true).open(&path).expect("ours").write_all_at(&header, 0).expect("space");
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    assert!(skipped.contains("newer version"), "{skipped}");
    let compacted = headcount::Collector::from_directory(folder.path()).compact().expect("ours");
    assert_eq!(compacted.segments(), 2);
    assert!(path.exists());
}

#[test]
fn one_file_has_one_vote() {
    let family =
        Family { metric: GAUGE, value: F64, mode: 8, name: "work_total", ..Family::default() };
    let mut log = Vec::new();
    for id in 0..5 {
        log.extend(family.record(id));
        log.extend(series(id, id + 1, 1, &[]));
    }
    conflicts(&Forged { log, ..Forged::default() }, "`work_total` is a counter");
}

#[test]
fn a_family_without_series_says_nothing() {
    let folder = with_two_segments();
    // Other bounds would be dropped from what is shown, were it for this file.
    let bounds = [7.0_f64.to_bits()];
    let family = Family {
        metric: HISTOGRAM,
        value: F64,
        name: "work_size",
        bounds: &bounds,
        ..Family::default()
    };
    Forged { log: family.record(0), ..Forged::default() }.write(folder.path());
    let found = collect(folder.path());
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
}

#[test]
fn a_family_with_the_name_of_anothers_samples_is_left_out() {
    for (name, metric, value) in
        [("work_size_count", COUNTER, U64), ("work_size_bucket", GAUGE, F64)]
    {
        let mode = if metric == GAUGE { 8 } else { 0 };
        let family = Family { metric, value, mode, name, ..Family::default() };
        let mut log = Vec::new();
        for id in 0..4 {
            log.extend(family.record(id));
            log.extend(series(id, id + 1, 1, &[]));
        }
        conflicts(&Forged { log, ..Forged::default() }, &format!("`{name}` is left out"));
    }
}
