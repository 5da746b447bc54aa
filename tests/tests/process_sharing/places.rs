//! Directories that are renamed, removed or closed, and processes that lack something.

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use headcount::Collector;
use headcount_tests::files::text;
use headcount_tests::privileges::as_root;
use headcount_tests::{Medium, temporary_directory};

use crate::rights::{copy_to, world_writable_directory};
use crate::{count, has, reports_of, run, sharer};

#[test]
fn a_directory_that_was_renamed_stays_the_processes_own() {
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let (directory, renamed) = (folder.path().join("d"), folder.path().join("renamed"));
        let output = sharer(&["rename", text(&directory), text(&renamed)], &[]);
        for who in ["worker", "master"] {
            has(&reports_of(&output, who), "shared true 1");
            has(&reports_of(&output, who), "work 11");
        }
        assert_eq!(fs::read_dir(&directory).expect("the other").count(), 0);
    }
}

#[test]
fn a_directory_that_was_removed_is_made_anew_by_children_and_the_parent_tells() {
    let folder = temporary_directory(Medium::Memory);
    let output = sharer(&["remove", text(&folder.path().join("d"))], &[]);
    let (worker, master) = (reports_of(&output, "worker"), reports_of(&output, "master"));
    has(&worker, "shared true 1");
    has(&worker, "work 10");
    has(&worker, "no problem");
    has(&master, "shared false 0");
    let problem = master.iter().find(|line| line.starts_with("problem "));
    assert!(problem.is_some_and(|line| line.contains("removed this process's file")), "{output}");
    assert_eq!(count(&master, "log counts of this process are not shared"), 1, "{output}");
}

/// As a container has it whose image contains the directory: it is in the lower layer too, and the
/// kernel says that it has a name, even once it has none.
#[test]
#[ignore = "needs root"]
fn a_directory_of_an_image_that_was_removed_is_made_anew_by_children() {
    const SCRIPT: &str = r#"
        set -e
        mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir -p lower/d upper work all
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work all
        exec "$2" remove "$1/all/d"
    "#;
    as_root(|| {
        let folder = temporary_directory(Medium::Memory);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", SCRIPT, "sh", text(folder.path())]);
        let output = run(command.arg(env!("CARGO_BIN_EXE_sharer")), &[]);
        let (worker, master) = (reports_of(&output, "worker"), reports_of(&output, "master"));
        has(&worker, "shared true 1");
        has(&worker, "work 10");
        has(&worker, "no problem");
        has(&master, "shared false 0");
        let problem = master.iter().find(|line| line.starts_with("problem "));
        assert!(problem.is_some_and(|line| line.contains("removed this process's file")));
        assert_eq!(count(&master, "work collect"), 0, "its collector has its numbers: {output}");
    });
}

/// A file that has a name before it is locked is one that a compactor may take for the leftover of
/// a killed process.
#[test]
fn a_process_that_starts_beside_a_compactor_is_shared_where_no_file_is_without_a_name() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("d");
    let output = std::thread::scope(|scope| {
        let running = scope.spawn(|| sharer(&["tidied", text(&directory), "400"], &[]));
        let collector = Collector::from_directory(&directory);
        while !running.is_finished() {
            // Whether it finds something to compact makes no difference.
            let _ = collector.compact();
        }
        running.join().expect("every child is shared")
    });
    has(&reports_of(&output, "master"), "work 4001");
    let left = fs::read_dir(&directory).expect("it is there");
    let mut left = left.map(|entry| entry.expect("an entry").file_name());
    assert!(!left.any(|name| name.to_string_lossy().starts_with(".tmp-")));
}

#[test]
fn a_daemon_that_closes_every_descriptor_and_its_children_share() {
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let output = sharer(&["daemon", text(&folder.path().join("d")), "here"], &[]);
        let (worker, master) = (reports_of(&output, "worker"), reports_of(&output, "master"));
        has(&worker, "shared true 1");
        has(&worker, "work 11");
        has(&worker, "no problem");
        has(&master, "work 11");
    }
}

#[test]
fn a_directory_that_cannot_be_reopened_is_reported() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("d");
    let output = sharer(&["daemon", text(&directory), "elsewhere"], &[]);
    let worker = reports_of(&output, "worker");
    has(&worker, "shared false 0");
    has(&worker, "work 10");
    let problem = format!("problem {}: the directory's descriptor was closed", directory.display());
    assert_eq!(count(&worker, &problem), 1, "{output}");
    assert_eq!(count(&worker, "log counting in private memory"), 1, "{output}");
    assert_eq!(fs::read_dir(&directory).expect("the other").count(), 0);
}

#[test]
fn without_the_kernels_random_numbers_a_process_counts() {
    let folder = temporary_directory(Medium::Memory);
    let output = sharer(&["without-random", text(&folder.path().join("d"))], &[]);
    let (worker, child) = (reports_of(&output, "worker"), reports_of(&output, "child"));
    has(&worker, "init fine");
    has(&worker, "shared true 1");
    has(&worker, "work 10");
    has(&child, "shared true 1");
    has(&child, "work 10");
    let output = sharer(&["without-any-random"], &[]);
    has(&reports_of(&output, "worker"), "true 0");
}

#[test]
fn where_the_directory_cant_be_listed_a_process_shows_its_own_numbers_and_says_why() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("d");
    let output = sharer(&["unlisted", text(&directory)], &[]);
    let worker = reports_of(&output, "worker");
    has(&worker, "work 5");
    let why = format!("{}: can't list the directory: Permission denied", directory.display());
    assert_eq!(count(&worker, &format!("skipped {why}")), 1, "{output}");
    assert_eq!(count(&worker, &format!("error {why}")), 1, "{output}");
}

#[test]
fn limits_set_later_leave_space_where_the_segment_is_small() {
    for (size, is_fine) in [("large", false), ("small", true), ("tiny", true)] {
        let folder = temporary_directory(Medium::Memory);
        let output = sharer(&["limited-after", size, text(folder.path())], &[]);
        let worker = reports_of(&output, "worker");
        has(&worker, &format!("thread {is_fine}"));
        // Said where the limit that is to be tried can be set.
        let other = format!("locked {}", !is_fine);
        assert!(!worker.contains(&&*other), "{size}: {output}");
    }
}

#[test]
fn a_process_that_may_lock_two_mebibytes_counts() {
    let folder = world_writable_directory(Medium::Memory);
    let program = folder.path().join("sharer");
    copy_to(&program);
    let directory = folder.path().join("d");
    fs::create_dir(&directory).expect("a directory");
    if nix::unistd::geteuid().is_root() {
        chown(&directory, Some(65_534), Some(65_534)).expect("root may");
    }
    let output = run(Command::new(&program).args(["locked", text(&directory)]), &[]);
    let worker = reports_of(&output, "worker");
    has(&worker, "true 0");
    has(&worker, "work 5");
    has(&worker, "init fine");
}
