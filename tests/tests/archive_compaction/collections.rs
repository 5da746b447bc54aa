//! Compactions by collections, and directories of many short-lived workers.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use headcount::{Collector, Value};
use headcount_tests::files::{bytes, names, segments};
use headcount_tests::{Medium, eventually, temporary_directory};
use tempfile::TempDir;

use crate::{ARCHIVE, LOCK, about, compact, count, counted, hold, run, text};

pub(crate) fn with_dead(times: u32) -> TempDir {
    let folder = temporary_directory(Medium::Memory);
    run(&["short-lived", text(folder.path()), &times.to_string()]);
    assert_eq!(segments(folder.path()).len(), times as usize);
    folder
}

#[test]
fn a_collection_compacts_from_64_dead_on() {
    let folder = with_dead(63);
    let directory = folder.path();
    let _living = hold(directory, 1);
    let collect = |compacts: bool| {
        Collector::from_directory(directory).auto_compact(compacts).collect().expect("a snapshot");
    };
    collect(true);
    assert_eq!(segments(directory).len(), 64, "63 dead are not enough");
    run(&["short-lived", text(directory), "1"]);
    collect(false);
    assert_eq!(segments(directory).len(), 65, "it was told not to");
    let before = counted(directory);
    // As many as it has time for.
    eventually("64 dead are enough", || {
        collect(true);
        (segments(directory).len() < 65).then_some(())
    });
    assert!(names(directory).contains(&ARCHIVE.to_owned()));
    assert_eq!(counted(directory), before);
}

#[test]
fn what_keeps_collections_from_compaction_is_reported() {
    let folder = with_dead(64);
    let directory = folder.path();
    fs::create_dir(directory.join(".compact.lock")).expect("ours");
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    let [why] = snapshot.skipped() else { panic!("{:?}", snapshot.skipped()) };
    assert_eq!(why.path(), Some(&*directory.join(".compact.lock")), "{why}");
    let text = snapshot.to_text();
    assert!(text.contains("headcount_files_skipped{reason=\"io\"} 1\n"), "{text}");
    assert_eq!(segments(directory).len(), 64);
    fs::remove_dir(directory.join(".compact.lock")).expect("ours");
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
}

#[test]
fn a_collection_compacts_nothing_in_a_directory_that_it_may_not_write() {
    let folder = with_dead(70);
    let directory = folder.path();
    let before = names(directory);
    let nobody = 65_534;
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    };
    if fs::metadata("/proc/self").expect("it is there").uid() == 0 {
        // Somebody else's, who may read it.
        mode(directory, 0o755);
        for name in &before {
            mode(&directory.join(name), 0o644);
        }
        let said = run(&["collect-as", &nobody.to_string(), text(directory)]);
        assert!(said.contains("the directory is not this user's to write"), "{said}");
    } else {
        mode(directory, 0o500);
        Collector::from_directory(directory).collect().expect("it may read");
        Collector::from_directory(directory).compact().expect_err("it may not write");
        mode(directory, 0o700);
    }
    assert_eq!(names(directory), before);
}

#[test]
fn what_root_compacts_in_another_users_directory_is_that_users() {
    if fs::metadata("/proc/self").expect("it is there").uid() != 0 {
        eprintln!("not tested: only root can give a directory away");
        return;
    }
    let folder = with_dead(2);
    let directory = folder.path();
    let nobody = 65_534;
    for name in segments(directory) {
        std::os::unix::fs::chown(directory.join(name), Some(nobody), None).expect("root may");
    }
    std::os::unix::fs::chown(directory, Some(nobody), None).expect("root may");
    assert_eq!(compact(directory), 2);
    for name in [ARCHIVE, LOCK] {
        assert_eq!(
            fs::metadata(directory.join(name)).expect("it is there").uid(),
            nobody,
            "{name}"
        );
    }
}

/// However many have come and gone: one archive, and the living.
fn churn(times: u32, of: u32) {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let _living = hold(directory, 1);
    let one = bytes(directory);
    for _ in 0..of {
        run(&["short-lived", text(directory), &times.to_string()]);
        compact(directory);
        assert_eq!(names(directory).len(), 3, "{:?}", names(directory));
    }
    // Tombstones age by generation.
    for _ in 0..6 {
        count(directory, 1);
        compact(directory);
    }
    assert_eq!(segments(directory).len(), 1);
    assert!(bytes(directory) < one + (64 << 10), "{} bytes beside {one}", bytes(directory));
    assert!(about(directory, "headcount_processes", Some("dead")).abs() < 0.1);
    let archived = f64::from(times * of + 6);
    assert!((about(directory, "headcount_archived_processes", None) - archived).abs() < 0.1);
    let families = counted(directory);
    let made = families.iter().find(|family| family.name == "made_total").expect("it was counted");
    // One each; and `count(1)` twice, in each of seven.
    let expected = u64::from(times * of) + 2 * 7;
    assert_eq!(made.series[0].value, Value::Counter(headcount::Number::Integer(expected)));
}

#[test]
fn after_many_short_lived_workers_there_are_the_living_and_one_archive() {
    churn(150, 3);
}

#[test]
#[ignore = "takes a minute; tests/run runs it"]
fn after_ten_thousand_short_lived_workers_there_are_the_living_and_one_archive() {
    churn(5_000, 2);
}
