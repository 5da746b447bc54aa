//! Compactors that are killed, that fork, and that meet others.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use headcount::{Collector, SegmentState, Value};
use headcount_tests::child::Child;
use headcount_tests::files::{copy_sparsely, names, segments};
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::libc;
use tempfile::TempDir;

use crate::collections::with_dead;
use crate::{ARCHIVE, LOCK, compact, compacted, count, counted, hold, remains, text};

/// Copies of all segments that lie there, to be put back.
fn saved(directory: &Path) -> TempDir {
    let aside = temporary_directory(Medium::Memory);
    for name in segments(directory) {
        copy_sparsely(&directory.join(&name), &aside.path().join(&name));
    }
    aside
}

fn put_back(from: &Path, directory: &Path) {
    for name in segments(from) {
        copy_sparsely(&from.join(&name), &directory.join(&name));
    }
}

#[test]
fn a_compactor_killed_before_it_removed_the_files_has_counted_them_once() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    for n in [1, 2, 3] {
        count(directory, n);
    }
    let aside = saved(directory);
    let mut before = counted(directory);
    assert_eq!(compact(directory), 3);
    // As it looks after a kill between the commit and the end; generation upon generation, as if
    // each were killed.
    for generation in 0..12 {
        put_back(aside.path(), directory);
        assert_eq!(counted(directory), before, "{generation}");
        let archived = Collector::from_directory(directory).segments().expect("readable");
        assert_eq!(archived.len(), 3);
        for segment in archived {
            assert_eq!(segment.state(), SegmentState::Archived);
            assert_eq!(segment.why(), "in the archive already; waits to be removed");
        }
        // Something to be compacted, so that there is a new generation.
        count(directory, generation);
        before = counted(directory);
        assert_eq!(compact(directory), 1);
        assert_eq!(segments(directory), [""; 0]);
        assert_eq!(counted(directory), before, "{generation}");
    }
    // Where there is nothing else to be compacted they are removed as well.
    put_back(aside.path(), directory);
    assert_eq!(compact(directory), 0);
    assert_eq!(names(directory), [LOCK, ARCHIVE]);
    assert_eq!(counted(directory), before);
}

#[test]
fn a_tombstone_stays_while_its_file_can_not_be_opened() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    count(directory, 5);
    let aside = saved(directory);
    let name = segments(directory).remove(0);
    assert_eq!(compact(directory), 1);
    put_back(aside.path(), directory);
    // A second name: nobody opens it, for longer than tombstones are kept.
    let second = directory.join("second");
    fs::hard_link(directory.join(&name), &second).expect("a link");
    for n in 0..8 {
        count(directory, n);
        let compacted = compacted(directory);
        assert_eq!((compacted.segments(), compacted.skipped().len()), (1, 1));
    }
    fs::remove_file(second).expect("ours");
    let mut before = counted(directory);
    assert_eq!(compact(directory), 0);
    assert_eq!(segments(directory), [""; 0]);
    assert_eq!(counted(directory), before);
    before.retain(|family| family.name == "made_total");
    let expected = 5 + 1 + (0..8).map(|n| n + 1).sum::<u64>();
    let value = Value::Counter(headcount::Number::Integer(expected));
    assert_eq!(before[0].series[0].value, value);
}

#[test]
fn a_child_forked_by_a_compactor_does_not_keep_the_lock() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    // Many files that stay: looking at them takes long, and the lock is held meanwhile.
    let _living = hold(directory, 1);
    let original = directory.join(segments(directory).remove(0));
    for number in 0..300 {
        copy_sparsely(&original, &directory.join(format!("copy-{number}.hc")));
    }
    let mut folds_and_forks = remains(&["compact-while-forking", text(directory)]);
    // It ends in the middle of it, by itself; the lock is not given back.
    let status = folds_and_forks.wait();
    assert_eq!(status.signal(), Some(libc::SIGKILL), "{}", folds_and_forks.output());
    assert!(!folds_and_forks.group_is_gone(), "its children live");
    count(directory, 1);
    // The youngest may be on its way through its fork handler.
    let done =
        eventually("nobody has the lock", || Collector::from_directory(directory).compact().ok());
    assert_eq!(done.segments(), 1);
    assert!(!folds_and_forks.group_is_gone(), "its children live");
}

#[test]
fn two_compactors_at_once_are_one_compactor() {
    let folder = with_dead(200);
    let directory = folder.path();
    let before = counted(directory);
    let mut rivals: Vec<Child> = (0..4).map(|_| remains(&["compact", text(directory)])).collect();
    let mut sum = 0;
    for rival in &mut rivals {
        let output = rival.all_output();
        match output.strip_prefix("compacted: ") {
            Some(number) => sum += number.trim().parse::<usize>().expect("a number"),
            None => assert!(output.contains("another process is compacting"), "{output}"),
        }
    }
    assert_eq!(sum, 200);
    assert_eq!(counted(directory), before);
    assert_eq!(names(directory), [LOCK, ARCHIVE]);
}
