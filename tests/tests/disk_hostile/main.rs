//! Files that somebody made to harm: they may lie in every number. Each is skipped or has no
//! effect, the other files' numbers are intact, the page can be read, and a collector doesn't spend
//! gigabytes on it.

#![allow(clippy::float_cmp, reason = "counts are exact")]

mod archived;
mod bounds;
mod exemplars;
mod families;
mod forge;
mod fuzz;
mod steps;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount_tests::child::Child;
use headcount_tests::files::copy_sparsely;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory, within};

use crate::forge::Forged;

impl Default for Forged {
    fn default() -> Self {
        Self {
            instance: 0xab,
            log: vec![],
            cells: vec![],
            slots_used: 1 << 20,
            shards: 1,
            limit: 4096,
        }
    }
}

/// A directory with two good segments, in which 100 were counted each.
fn with_two_segments() -> tempfile::TempDir {
    let folder = temporary_directory(Medium::Memory);
    for _ in 0..2 {
        let mut worker = Command::new(env!("CARGO_BIN_EXE_worker"));
        let output = worker.args(["count", "100"]).env("HEADCOUNT_DIR", folder.path()).output();
        assert!(output.expect("the worker runs").status.success());
    }
    folder
}

/// What a collector in a process of its own finds beside the two good segments.
struct Found {
    page: Page,
    skipped: Vec<String>,
}

#[track_caller]
fn collect(directory: &Path) -> Found {
    let mut collector = Command::new(env!("CARGO_BIN_EXE_misbehaving"));
    let mut collector = Child::start(collector.arg("collect").arg(directory));
    let ended = within(Duration::from_secs(60), "a collection", || collector.ended());
    assert!(ended.success(), "{ended:?} {}", collector.output());
    let output = collector.all_output();
    let (head, page) = output.split_once("page:\n").expect("a page");
    let said = |what: &str| -> Vec<String> {
        head.lines().filter_map(|line| line.strip_prefix(what)).map(str::to_owned).collect()
    };
    let page = Page::parse(page).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(page.value("work_total"), Some(200.0), "{:#?}", said("skipped: "));
    assert_eq!(page.at("work_size_count"), 200.0);
    assert_eq!(page.at("work_size_sum"), 200.0);
    assert_eq!(page.types["work_total"], "counter");
    assert_eq!(page.buckets("work_size", "").len(), 3);
    let peak: u64 = said("peak: ")[0].parse().expect("a number");
    assert!(peak < 1 << 20, "{peak} KiB");
    Found { page, skipped: said("skipped: ") }
}

/// The file is skipped, and why is reported.
#[track_caller]
fn skips(forged: &Forged, says: &str) {
    let folder = with_two_segments();
    let path = forged.write(folder.path());
    let found = collect(folder.path());
    let [skipped] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
    assert!(skipped.starts_with(path.to_str().expect("UTF-8")), "{skipped}");
    assert!(skipped.contains(says), "{skipped}");
    assert_eq!(found.page.at("headcount_files_skipped{reason=\"corrupt\"}"), 1.0);
    assert_eq!(found.page.at("headcount_processes{state=\"dead\"}"), 2.0);
}

#[test]
fn a_copy_that_sorts_first_does_not_hide_the_living_original() {
    let folder = temporary_directory(Medium::Memory);
    let path = folder.path().to_str().expect("UTF-8");
    let mut worker = Command::new(env!("CARGO_BIN_EXE_worker"));
    let worker = Child::start(worker.args(["gauges", path, "3"]));
    eventually("it has set its gauges", || worker.output().contains("ready").then_some(()));
    let original = fs::read_dir(folder.path()).expect("readable").next().expect("a file");
    // One that sorts first, and one that sorts last.
    let copies = ["0-copy.hc", "z-copy.hc"].map(|name| folder.path().join(name));
    for copy in &copies {
        copy_sparsely(&original.as_ref().expect("an entry").path(), copy);
        let file = File::options().write(true).open(copy).expect("ours");
        // Says something else.
        file.write_all_at(&[0xff; 4096], 0x400_0000).expect("written");
    }
    let snapshot =
        headcount::Collector::from_directory(folder.path()).collect().expect("a snapshot");
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    assert_eq!(page.at("depth_livesum"), 3.0);
    assert_eq!(page.at("depth_added"), 3.0);
    assert_eq!(page.at("work_total"), 0.0);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 1.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 0.0);
    assert_eq!(snapshot.skipped().len(), 2, "{:?}", snapshot.skipped());
    for skipped in snapshot.skipped() {
        assert!(skipped.to_string().contains("a copy of another segment"), "{skipped}");
    }
}
