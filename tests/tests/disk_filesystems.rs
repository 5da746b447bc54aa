//! Real filesystems that run full, at each moment at which that could hurt: before a segment is
//! made, before it grows, while stores are written back, while the dead are compacted. No signal
//! and no panic; what exists goes on counting, what is new is dropped and reported, and all is well
//! when there is space again.
//!
//! A full tmpfs is in `process_limits.rs` and `archive_faults.rs`.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use headcount::Collector;
use headcount_tests::files::{names, segments};
use headcount_tests::interactive::Interactive;
use headcount_tests::mounted::{Filesystem, Kind, succeed};
use headcount_tests::page::Page;
use headcount_tests::privileges::as_root;
use headcount_tests::{eventually, peer};

const INTERACTIVE: &str = env!("CARGO_BIN_EXE_interactive");

/// What is counted, without what the collector tells of itself.
fn counted(directory: &Path) -> Page {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    Page::parse(&snapshot.to_text()).expect("a page")
}

fn done(directory: &Path, who: &str) -> f64 {
    counted(directory).at(&done_by(who))
}

fn done_by(who: &str) -> String {
    format!("done_total{{who=\"{who}\"}}")
}

/// The sum of all rows, and how many there are.
fn rows(page: &Page) -> (f64, usize) {
    let rows = page.samples.iter().filter(|(key, _)| key.starts_with("rows_total{"));
    (rows.clone().map(|(_, value)| value).sum(), rows.count())
}

#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn a_full_ext4_costs_new_series_only() {
    as_root(|| {
        let filesystem = Filesystem::new(Kind::Ext4);
        costs_new_series_only(&filesystem, &filesystem.root().join("metrics"));
    });
}

#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn a_full_xfs_costs_new_series_only() {
    as_root(|| {
        let filesystem = Filesystem::new(Kind::Xfs);
        costs_new_series_only(&filesystem, &filesystem.root().join("metrics"));
    });
}

#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn a_full_btrfs_costs_new_series_only() {
    as_root(|| {
        let filesystem = Filesystem::new(Kind::Btrfs);
        costs_new_series_only(&filesystem, &filesystem.root().join("metrics"));
    });
}

/// What is compressed is copied on write.
#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn a_full_btrfs_that_compresses_costs_new_series_only() {
    as_root(|| {
        let filesystem = Filesystem::new(Kind::Btrfs);
        let directory = filesystem.root().join("metrics");
        fs::create_dir(&directory).expect("a directory");
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).expect("ours");
        succeed(Command::new(peer("chattr")).arg("+c").arg(&directory));
        costs_new_series_only(&filesystem, &directory);
    });
}

/// As a container has it whose layers lie on such a disk.
#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn an_overlay_on_a_full_btrfs_costs_new_series_only() {
    as_root(|| {
        let filesystem = Filesystem::new(Kind::Btrfs);
        let overlay = filesystem.overlay();
        costs_new_series_only(&filesystem, &overlay.join("metrics"));
    });
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn costs_new_series_only(filesystem: &Filesystem, directory: &Path) {
    let mut early = Interactive::in_directory(INTERACTIVE, "early", directory);
    early.tell("work 100");
    early.tell("live 3");
    early.tell("rows 0 50");
    // Its pages are dirty when the last space goes, and clean later.
    filesystem.fill();

    // Before a segment is made.
    let mut late = Interactive::start(INTERACTIVE, "late");
    let refused = late.enter(directory);
    assert!(refused.contains("No space left"), "{refused}");
    late.tell("work 11");
    late.tell("rows 0 5");
    assert_eq!(late.sees(&done_by("late")), Some(11.0));
    assert!(late.ask("health").starts_with("false 0 "), "it counts for itself, and drops nothing");

    // After each write-back, the next store to each page asks the filesystem again.
    for round in 1..=20_u32 {
        early.tell("work 10");
        // A new thread finds no space for a shard.
        early.tell("thread 5");
        filesystem.write_back();
        assert_eq!(done(directory, "early"), 100.0 + 15.0 * f64::from(round));
    }
    assert_eq!(early.dropped(), 0);

    // Between creation and growth.
    early.tell("rows 50 2050");
    let page = counted(directory);
    let dropped = early.dropped();
    assert!(dropped > 1_000, "there was no space: {dropped}");
    assert_eq!(page.at("headcount_dropped_operations_total"), dropped as f64);
    assert_eq!(rows(&page).0 + dropped as f64, 2_050.0);
    assert_eq!(page.at(&done_by("early")), 400.0);
    early.tell("work 1");

    // What children count is their own affair until there is space for a segment; their parent goes
    // on.
    early.tell("fork 13");
    late.tell("fork 13");
    filesystem.write_back();
    early.tell("work 1");
    assert_eq!(done(directory, "early"), 402.0);
    assert_eq!(counted(directory).value(&done_by("late")), None);

    filesystem.empty();
    // Patience with a full disk ends.
    let known = rows(&counted(directory)).1;
    let mut asked = 2_050_u64;
    eventually("new series come", || {
        early.tell(&format!("rows {asked} {}", asked + 1));
        asked += 1;
        (rows(&counted(directory)).1 > known).then_some(())
    });
    let dropped = early.dropped();
    early.tell(&format!("rows {asked} {}", asked + 100));
    asked += 100;
    assert_eq!(early.dropped(), dropped, "there is space");
    let page = counted(directory);
    assert_eq!(rows(&page).0 + dropped as f64, asked as f64);
    assert_eq!(page.at("headcount_dropped_operations_total"), dropped as f64);
    early.tell("fork 13");
    late.tell("fork 17");
    let page = counted(directory);
    assert_eq!((page.at(&done_by("early")), page.at(&done_by("late"))), (415.0, 17.0));
    assert_eq!(page.at("depth_livesum{who=\"early\"}"), 3.0);

    // And it is all there when they are dead.
    early.kill();
    late.kill();
    let page = counted(directory);
    assert_eq!((page.at(&done_by("early")), page.at(&done_by("late"))), (415.0, 17.0));
    assert_eq!(rows(&page).0 + dropped as f64, asked as f64);
    assert_eq!(page.value("depth_livesum{who=\"early\"}"), None);
}

#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn what_does_not_fit_on_a_full_ext4_is_folded_later() {
    as_root(|| is_compacted_later(Kind::Ext4));
}

#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn what_does_not_fit_on_a_full_xfs_is_compacted_later() {
    as_root(|| is_compacted_later(Kind::Xfs));
}

#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn what_does_not_fit_on_a_full_btrfs_is_compacted_later() {
    as_root(|| {
        is_compacted_later(Kind::Btrfs);
    });
}

/// Room comes back a little at a time: the archive ends at another place of it at each attempt.
fn is_compacted_later(kind: Kind) {
    let filesystem = Filesystem::new(kind);
    let directory = &filesystem.root().join("metrics");
    let dead = |who: &str| {
        let mut process = Interactive::in_directory(INTERACTIVE, who, directory);
        process.tell("work 7");
        process.tell("rows 0 300");
        process.kill();
    };
    dead("one");
    // There is an archive already, which is to be replaced.
    assert_eq!(
        Collector::from_directory(directory).compact().expect("there is space").segments(),
        1
    );
    for who in ["two", "three", "four"] {
        dead(who);
    }
    let mut living = Interactive::in_directory(INTERACTIVE, "living", directory);
    filesystem.fill();
    let (before, there) = (of_the_dead(directory), names(directory));
    let mut refusals = 0_u32;
    let compacted = loop {
        living.tell("work 1");
        match Collector::from_directory(directory).compact() {
            Ok(compacted) => break compacted,
            Err(error) => assert!(error.to_string().contains("No space left"), "{error}"),
        }
        refusals += 1;
        assert_eq!(names(directory), there, "no half archive, and nothing is gone");
        assert_eq!(of_the_dead(directory), before);
        filesystem.give_back(64 << 10);
        assert!(refusals < 1_000, "there must be space by now");
    };
    assert!(refusals > 2, "an archive of 300 rows takes more than {refusals} x 64 KiB");
    assert_eq!(compacted.segments(), 3);
    assert!(compacted.skipped().is_empty(), "{:?}", compacted.skipped());
    assert_eq!(of_the_dead(directory), before);
    assert_eq!(segments(directory).len(), 1, "the living one's: {:?}", names(directory));
    assert_eq!(names(directory).len(), 3, "it, the archive and the lock: {:?}", names(directory));
    assert_eq!(done(directory, "living"), f64::from(refusals + 1));
}

/// What a compaction must not change.
fn of_the_dead(directory: &Path) -> Vec<(String, f64)> {
    let mut page = counted(directory);
    page.samples.retain(|key, _| !key.starts_with("headcount_") && *key != done_by("living"));
    page.samples.into_iter().collect()
}

/// A snapshot makes blocks common property, and who then stores needs new ones. It ends where
/// another subvolume begins.
#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn a_subvolume_of_its_own_is_safe_from_snapshots_on_a_full_btrfs() {
    as_root(|| {
        let filesystem = Filesystem::new(Kind::Btrfs);
        let root = filesystem.root();
        let directory = &root.join("metrics");
        let btrfs = || Command::new(peer("btrfs"));
        succeed(btrfs().args(["subvolume", "create"]).arg(directory));
        let mut process = Interactive::in_directory(INTERACTIVE, "early", directory);
        process.tell("work 100");
        filesystem.write_back();
        filesystem.fill();
        let snapshot = root.join("snapshot");
        succeed(btrfs().args(["subvolume", "snapshot", "-r"]).args([root, &snapshot]));
        for _ in 0..5 {
            process.tell("work 10");
            filesystem.write_back();
        }
        assert_eq!(done(directory, "early"), 150.0);
        assert_eq!(names(&snapshot.join("metrics")), [""; 0]);
    });
}

/// With space it is a copy and no more, taken at one moment.
#[test]
#[ignore = "needs root and loop devices: tests/run"]
fn a_snapshot_can_be_read_and_costs_nothing_while_there_is_space() {
    as_root(|| {
        let filesystem = Filesystem::new(Kind::Btrfs);
        let (directory, snapshot) =
            (&filesystem.root().join("metrics"), filesystem.root().join("snapshot"));
        let mut process = Interactive::in_directory(INTERACTIVE, "early", directory);
        process.tell("work 100");
        process.tell("rows 0 500");
        let mut command = Command::new(peer("btrfs"));
        succeed(command.args(["subvolume", "snapshot", "-r"]).args([filesystem.root(), &snapshot]));
        process.tell("work 10");
        process.tell("rows 0 600");
        assert_eq!(done(directory, "early"), 110.0);
        assert_eq!(rows(&counted(directory)), (1_100.0, 600));
        let then = counted(&snapshot.join("metrics"));
        assert_eq!(then.at(&done_by("early")), 100.0);
        assert_eq!(rows(&then), (500.0, 500));
        // Nobody holds the copy's lock.
        assert_eq!(then.at("headcount_processes{state=\"dead\"}"), 1.0);
    });
}
