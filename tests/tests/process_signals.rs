//! Signal handlers that fork or record, at the worst moments: in the middle of an operation, and of
//! a first use.

#![allow(clippy::float_cmp, reason = "counts are exact")]

#[cfg(target_arch = "x86_64")]
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount_tests::child::{Child, output_of, reported};
use headcount_tests::collected::page_of;
use headcount_tests::page::Page;
use headcount_tests::{Medium, SOON, eventually, temporary_directory, within};

/// The programs look after their children, and end; on a machine with much to do that takes a
/// while.
const PATIENCE: Duration = Duration::from_secs(600);

fn misbehaving(arguments: &[&str]) -> Child {
    Child::start(Command::new(env!("CARGO_BIN_EXE_misbehaving")).args(arguments))
}

fn run(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_misbehaving");
    output_of(Command::new(program).args(arguments), PATIENCE)
}

#[track_caller]
fn children_return_into_an_operation(what: &str, counts: &str) {
    let directory = temporary_directory(Medium::Memory);
    let output = run(&["fork-in-operation", directory.path().to_str().expect("UTF-8"), what]);
    assert_eq!(reported(&output, "failures: "), "0 None");
    let page = page_of(directory.path());
    assert_eq!(page.at("children_total"), 1_000.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 101.0);
    // What was interrupted may be counted by the child or not, and what each child counted before
    // it noticed is unknown.
    let counted: f64 = reported(&output, "counted: ").parse().expect("a number");
    assert!((counted..counted + 101_000.0).contains(&page.at(counts)), "{counted}, {page:?}");
}

#[test]
fn a_hundred_children_of_a_handler_return_into_the_middle_of_a_count() {
    children_return_into_an_operation("counter", "work_total");
}

#[test]
fn a_hundred_children_of_a_handler_return_into_the_middle_of_an_observation() {
    children_return_into_an_operation("histogram", "work_size_count");
}

#[test]
fn a_hundred_children_of_a_handler_return_although_memory_is_limited() {
    children_return_into_an_operation("limited", "work_total");
}

#[test]
fn no_child_of_a_handler_that_interrupted_a_first_use_hangs() {
    let directory = temporary_directory(Medium::Memory);
    let output = run(&["fork-while-waiting", directory.path().to_str().expect("UTF-8")]);
    assert_eq!(reported(&output, "failures: "), "0 None");
    assert_eq!(page_of(directory.path()).at("children_total"), 1_000.0);
}

/// A parent that was killed, and a child that a handler forked inside the parent's first use of a
/// series: it has counted, and lives.
#[track_caller]
fn orphan(then: &str) -> Page {
    let directory = temporary_directory(Medium::Memory);
    let mut parent = misbehaving(&["fork-inside", directory.path().to_str().expect("UTF-8"), then]);
    parent.wait();
    eventually("the child has counted", || parent.output().contains("ready").then_some(()));
    assert!(!parent.group_is_gone(), "the child lives: {}", parent.output());
    let page = page_of(directory.path());
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 1.0, "{page:?}");
    // The parent's was 5.
    assert_eq!(page.value("depth_livesum").unwrap_or(0.0), 0.0, "{page:?}");
    page
}

#[test]
fn a_child_that_stays_in_the_handler_does_not_keep_its_parent_alive() {
    for _ in 0..10 {
        let page = orphan("stays");
        // The child has a segment only if nothing of ours was held when it was forked.
        assert!(page.at("headcount_processes{state=\"live\"}") <= 1.0, "{page:?}");
    }
}

#[test]
fn what_a_child_counts_in_the_handler_is_there_or_reported() {
    for _ in 0..10 {
        let page = orphan("returns");
        assert_eq!(page.at("headcount_processes{state=\"live\"}"), 1.0, "{page:?}");
        assert_eq!(page.at("work_total"), 1.0);
        // Inside a first use there is nowhere to count, but that can be reported.
        let (counted, dropped) =
            (page.at("children_total"), page.at("headcount_dropped_operations_total"));
        assert_eq!(counted + dropped, 1_000.0, "{counted} counted and {dropped} dropped");
    }
}

#[test]
fn a_child_that_a_handler_forked_inside_the_first_use_does_not_keep_its_parent_alive() {
    for round in 0..60 {
        let directory = temporary_directory(Medium::Memory);
        let path = directory.path().to_str().expect("UTF-8");
        let micros = (1 + round * 8).to_string();
        let mut parent = misbehaving(&["fork-inside-start", path, &micros]);
        parent.wait();
        within(SOON, &format!("the parent looks dead, {micros} us"), || {
            let page = page_of(directory.path());
            (page.at("headcount_processes{state=\"live\"}") == 0.0).then_some(())
        });
    }
}

/// A program under test as it is in production: instructions that the optimiser folds into one
/// can't be interrupted.
#[cfg(target_arch = "x86_64")]
fn optimised() -> std::path::PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hot-path");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--release", "--package", "headcount-tests"])
        .args(["--bin", "misbehaving", "--target-dir"])
        .arg(&target)
        .status()
        .expect("cargo runs");
    assert!(status.success());
    target.join("release/misbehaving")
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_handler_records_in_the_counter_that_its_thread_records_in() {
    let mut child = Child::start(Command::new(optimised()).arg("record-in-handler"));
    let status = within(PATIENCE, "the program has ended", || child.ended());
    assert!(status.success(), "{}", child.output());
    let output = child.all_output();
    let handled: u64 = reported(&output, "handled: ").parse().expect("a number");
    assert!(handled >= 1_000, "{output}");
    let (_, page) = output.split_once("page:\n").expect("a page");
    let counted: f64 = reported(&output, "counted: ").parse().expect("a number");
    assert_eq!(Page::parse(page).expect("a page").at("work_total"), counted);
}
