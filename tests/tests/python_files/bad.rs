//! Bad files: each costs itself, is told with a reason, and leaves the good ones beside it alone.

use std::fs::{self, File as Open};
use std::path::Path;
use std::time::Duration;

use headcount::{Collector, Limit};
use headcount_tests::{Medium, temporary_directory, within};

use crate::files::{File, Layout, counter, key, page, snapshot};

/// A directory with a good file, and a bad one that this makes; the reason for which the bad one is
/// left out, and what is said of it. Nothing if it is not.
#[track_caller]
fn beside_a_good_one(name: &str, make: impl FnOnce(&Path)) -> Option<(&'static str, String)> {
    let directory = temporary_directory(Medium::Memory);
    counter("good", 7.0).write(directory.path().join("counter_1.db"));
    make(&directory.path().join(name));
    let shown = page(directory.path());
    assert_eq!(shown, "# HELP good_total Help of good.\n# TYPE good_total counter\ngood_total 7\n");
    let snapshot = snapshot(directory.path());
    assert!(snapshot.skipped().len() <= 1, "{:?}", snapshot.skipped());
    let told = snapshot.skipped().first()?;
    assert_eq!(told.path().unwrap().file_name().unwrap(), name);
    Some((told.reason(), told.to_string()))
}

fn written(file: File) -> impl FnOnce(&Path) {
    move |path| file.write(path)
}

fn of(bytes: impl AsRef<[u8]>) -> impl FnOnce(&Path) {
    move |path| fs::write(path, bytes).unwrap()
}

#[test]
fn files_that_are_none_are_left_out_one_by_one() {
    let not = |found: Option<(&'static str, String)>, words: &str| {
        let (reason, told) = found.expect("it is told");
        assert_eq!(reason, "not_a_segment", "{told}");
        assert!(told.contains(words), "{told}");
    };
    not(beside_a_good_one("counter_2.db", of("")), "shorter than 8 bytes");
    not(beside_a_good_one("counter_2.db", of([9; 7])), "shorter than 8 bytes");
    not(
        beside_a_good_one("counter_2.db", of(b"SQLite format 3\0 and so on and so on")),
        "no length",
    );
    not(beside_a_good_one("counter_2.db", written(File::today().used(12))), "no length");
    not(beside_a_good_one("counter_2.db", written(File::today().used(4))), "no length");
    for name in ["notes.db", "info_2.db", "gauge_2.db", "gauge_mean_2.db", "counter.db"] {
        not(beside_a_good_one(name, written(counter("bad", 1.0))), "not a name of a file");
    }
    let gitlab = File::new(Layout::Value)
        .with(r#"["bad","bad_total",[],[]]"#, 1.0)
        .with(r#"["bad","bad_total",["a"],[1]]"#, 2.0);
    not(beside_a_good_one("counter_123-0.db", written(gitlab)), "GitLab");
    // A page of zeros, of which all is said to count.
    not(beside_a_good_one("counter_2.db", written(File::today().used(65536))), "no keys");
}

#[test]
fn damaged_files_are_left_out_one_by_one() {
    let two = || counter("bad", 1.0).with(key("bad2", "bad2_total"), 2.0);
    let length = i32::try_from(two().bytes.len()).unwrap();
    let damaged = |make: File, words: &str| {
        let found = beside_a_good_one("counter_2.db", written(make));
        let (reason, told) = found.expect("it is told");
        assert_eq!(reason, "corrupt", "{told}");
        assert!(told.contains(words), "{told}");
    };
    for used in [16, length - 8, length + 8, length - 16] {
        damaged(two().used(used), "where they should");
    }
    for forged in [-1, 0, 9, i32::MAX, i32::MIN, 1 << 20, length] {
        let mut file = two();
        let second = counter("bad", 1.0).bytes.len();
        file.bytes[second..second + 4].copy_from_slice(&forged.to_le_bytes());
        damaged(file, "where they should");
    }
    let mut padding = two();
    let at = padding.bytes.iter().rposition(|byte| *byte == b' ').unwrap();
    padding.bytes[at] = 0;
    damaged(padding, "where they should");
    // It says that it has more than it has.
    let (reason, told) = beside_a_good_one("counter_2.db", of(&two().bytes[..40])).unwrap();
    assert_eq!(reason, "corrupt");
    assert!(told.contains("truncated"), "{told}");
}

#[test]
fn a_bad_entry_costs_itself() {
    let directory = temporary_directory(Medium::Memory);
    let good = |n: u32| key(&format!("good{n}"), &format!("good{n}_total"));
    File::today()
        .with(good(1), 1.0)
        .with(r#"["bad", "bad_total", {"a": 1}, ""]"#, 1.0)
        .with(good(2), 2.0)
        .write(directory.path().join("counter_1.db"));
    File::today()
        .with(good(3), 3.0)
        .with(r#"["bad", "bad_total", {"a"}, ""]"#, 1.0)
        .with(b"[\"b\xff\", \"bad_total\", {}, \"\"]", 1.0)
        .with(good(4), 4.0)
        .write(directory.path().join("counter_2.db"));
    let text = page(directory.path());
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(samples, ["good1_total 1", "good2_total 2", "good3_total 3", "good4_total 4"]);
    let told: Vec<String> =
        snapshot(directory.path()).skipped().iter().map(ToString::to_string).collect();
    assert!(told[0].contains("counter_1.db: damaged: entries with a label"), "{told:?}");
    assert!(told[1].contains("counter_2.db: damaged: entries whose keys"), "{told:?}");
}

#[test]
fn a_file_that_was_just_created_is_empty_and_not_bad() {
    assert_eq!(beside_a_good_one("counter_2.db", of(vec![0; 1 << 16])), None);
    assert_eq!(beside_a_good_one("counter_2.db", written(File::today())), None);
    assert_eq!(beside_a_good_one("counter_2.db", written(File::today().used(-8))), None);
}

#[test]
fn links_directories_and_pipes_are_not_opened() {
    let (reason, told) = beside_a_good_one("counter_2.db", |path| {
        std::os::unix::fs::symlink("counter_1.db", path).unwrap();
    })
    .unwrap();
    assert_eq!(reason, "foreign", "{told}");
    let (reason, _) =
        beside_a_good_one("counter_2.db", |path| fs::create_dir(path).unwrap()).unwrap();
    assert_eq!(reason, "foreign");
    let pipe = |path: &Path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert_eq!(beside_a_good_one("counter_2.db", pipe).unwrap().0, "foreign");
}

#[test]
fn a_sparse_gigabyte_of_nothing_costs_a_page() {
    let found = beside_a_good_one("counter_2.db", |path| {
        fs::write(path, counter("bad", 1.0).used(1 << 30).bytes).unwrap();
        Open::options().write(true).open(path).unwrap().set_len(1 << 30).unwrap();
    });
    // It may have entries behind its first one, and then it would be read.
    let (reason, told) = found.unwrap();
    assert_eq!(reason, "corrupt", "{told}");
    let found = beside_a_good_one("counter_2.db", |path| {
        fs::write(path, File::today().used(1 << 30).bytes).unwrap();
        Open::options().write(true).open(path).unwrap().set_len(1 << 30).unwrap();
    });
    assert_eq!(found.unwrap().0, "not_a_segment");
}

#[test]
fn keys_of_a_mebibyte_are_read() {
    let directory = temporary_directory(Medium::Memory);
    let long = "é".repeat(1 << 19);
    let file = File::today()
        .with(format!(r#"["c", "c_total", {{"a": "{long}"}}, ""]"#), 1.0)
        .with(key("d", "d_total"), 2.0);
    file.write(directory.path().join("counter_1.db"));
    file.write(directory.path().join("counter_2.db"));
    let snapshot = snapshot(directory.path());
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let series = &snapshot.families()[0].series[0];
    assert_eq!(series.labels.get("a"), Some(&*long));
    assert!(snapshot.to_text().contains("\nd_total 4\n"));
}

#[test]
fn what_is_read_is_bounded_by_the_collectors_limit() {
    let directory = temporary_directory(Medium::Memory);
    counter("a", 1.0).write(directory.path().join("counter_1.db"));
    let long = "x".repeat(1 << 20);
    let large = File::today().with(format!(r#"["c", "c_total", {{"a": "{long}"}}, ""]"#), 1.0);
    large.write(directory.path().join("counter_2.db"));
    counter("b", 1.0).write(directory.path().join("counter_3.db"));
    let collector = Collector::from_directory(directory.path()).limit(Limit::bytes(1 << 16));
    let snapshot = collector.self_metrics(false).collect().unwrap();
    let names: Vec<&str> = snapshot.families().iter().map(|family| &*family.name).collect();
    assert_eq!(names, ["a_total", "b_total", "headcount_shared"]);
    let [told] = snapshot.skipped() else { panic!("{:?}", snapshot.skipped()) };
    assert!(told.to_string().contains("counter_2.db: more than a collection may take"), "{told}");
}

#[test]
fn twenty_thousand_files_are_read() {
    let directory = temporary_directory(Medium::Memory);
    let file = counter("c", 1.0);
    for pid in 0..20_000 {
        fs::write(directory.path().join(format!("counter_{pid}.db")), &file.bytes).unwrap();
    }
    assert!(page(directory.path()).ends_with("\nc_total 20000\n"));
}

#[test]
fn a_series_of_many_buckets_or_samples_is_merged_in_few_steps() {
    // Were each compared with each, it would take hours.
    const MANY: u32 = 300_000;
    let directory = temporary_directory(Medium::Memory);
    let make = |name: &str, key: &dyn Fn(u32) -> String| {
        let file = (0..MANY).fold(File::today(), |file, n| file.with(key(n), 1.0));
        let path = directory.path().join(name);
        file.write(&path);
        path
    };
    let bucket = |n| format!(r#"["h", "h_bucket", {{"le": "{n}"}}, ""]"#);
    let sample = |n| format!(r#"["c", "c_{n}_total", {{}}, ""]"#);
    let files = [make("histogram_1.db", &bucket), make("counter_1.db", &sample)];
    let merging = std::thread::spawn(move || headcount::python::merge(files, true));
    let is_done = || merging.is_finished().then_some(());
    within(Duration::from_secs(60), "two files are merged", is_done);
    let merged = merging.join().unwrap();
    assert!(merged.skipped.is_empty(), "{:?}", merged.skipped);
    let [histogram, counter] = &merged.families[..] else { panic!() };
    // The count of the buckets too.
    assert_eq!(histogram.samples.len(), 300_001);
    assert_eq!(histogram.samples.last().unwrap().value, f64::from(MANY));
    assert_eq!(counter.samples.len(), 300_000);
}
