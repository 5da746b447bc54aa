//! Signal handlers fork in threads of any shard, in the middle of every kind of operation. Their
//! children record, collect, fork again, and return into what was interrupted: none crashes, none
//! hangs, and nothing is counted that nobody has counted.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount_tests::child::{Child, reported};
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory, within};

/// The programs look after their children, and end; on a machine with much to do that takes a
/// while.
const PATIENCE: Duration = Duration::from_secs(600);

fn page_of(directory: &Path) -> Page {
    let snapshot = headcount::Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    Page::parse(&snapshot.to_text()).expect("a page")
}

/// The page, how many operations the first process has done, and how many children there were.
#[track_caller]
fn interrupt(what: &str, rounds: u32) -> (Page, f64, f64) {
    let directory = temporary_directory(Medium::Memory);
    let mut program = Command::new(env!("CARGO_BIN_EXE_handlers"));
    program.arg(directory.path()).args([what, &rounds.to_string()]);
    let mut child = Child::start(&mut program);
    let status = within(PATIENCE, "the program has ended", || child.ended());
    let output = child.all_output();
    assert!(status.success(), "{status:?}:\n{output}");
    assert_eq!(reported(&output, "failures: "), "[]", "{output}");
    let number = |what| reported(&output, what).parse::<f64>().expect("a number");
    let page = page_of(directory.path());
    let children = number("children: ");
    assert_eq!(page.at("children_total"), 10.0 * children, "{output}");
    (page, number("done: "), children)
}

/// Each child may count what was interrupted, or not; and it counts once more, as often as `more`.
#[track_caller]
fn counted(what: &str, series: &str, more: f64) {
    let (page, done, children) = interrupt(what, 24);
    let (seen, least) = (page.at(series), done + more * children);
    // All of them record everything once, and most once more, in the handler.
    let most = done + (more + 1.0) * children + 2.0 * children;
    assert!((least..=most).contains(&seen), "{seen} is not in {least}..={most}");
}

#[test]
fn in_a_count() {
    counted("counter", "work_total", 1.0);
}

#[test]
fn in_a_count_of_floats() {
    counted("float", "energy_total", 1.0);
}

#[test]
fn in_an_observation() {
    counted("histogram", "work_size_count", 1.0);
}

#[test]
fn in_the_sum_of_an_observation() {
    counted("summary", "wait_sum", 1.0);
}

#[test]
fn in_a_gauge() {
    interrupt("gauge", 24);
    interrupt("sum", 24);
    interrupt("latest", 24);
}

#[test]
fn in_an_info_and_a_state_set() {
    interrupt("mood", 24);
    interrupt("info", 24);
}

#[test]
fn in_an_annotated_call() {
    interrupt("annotated", 24);
}

#[test]
fn in_a_row_that_is_known_new_or_removed() {
    interrupt("row", 24);
    interrupt("new rows", 24);
    interrupt("remove", 24);
}

#[test]
fn in_a_declaration() {
    interrupt("declare", 24);
    counted("facade", "facade_moves_total{of=\"all\"}", 1.0);
}

#[test]
fn in_a_collection() {
    interrupt("collect", 16);
}

#[test]
fn in_compaction() {
    interrupt("compact", 24);
}

#[test]
fn without_fork_handlers() {
    counted("bare counter", "work_total", 1.0);
    interrupt("bare histogram", 24);
    interrupt("bare collect", 16);
}

#[test]
fn when_the_mutex_is_released() {
    let directory = temporary_directory(Medium::Memory);
    let mut program = Command::new(env!("CARGO_BIN_EXE_released"));
    let mut child = Child::start(program.arg(directory.path()).arg("100"));
    let status = within(PATIENCE, "the program has ended", || child.ended());
    let output = child.all_output();
    assert!(status.success(), "{status:?}:\n{output}");
    let children: f64 = reported(&output, "children: ").parse().expect("a number");
    assert!(children > 3.0, "{output}");
    let page = page_of(directory.path());
    assert_eq!(page.at("children_total"), 10.0 * children);
    // What was interrupted ends in each of them as well.
    assert_eq!(page.at("work_total"), 100.0 + children);
    assert_eq!(page.at("headcount_dropped_operations_total"), 0.0, "{output}");
}

#[test]
fn fork_handlers_that_come_before_ours_count_for_the_child() {
    let directory = temporary_directory(Medium::Memory);
    let mut program = Command::new(env!("CARGO_BIN_EXE_foreign"));
    let mut child = Child::start(program.arg(directory.path()).arg("100"));
    let status = within(PATIENCE, "the program has ended", || child.ended());
    let output = child.all_output();
    assert!(status.success(), "{status:?}:\n{output}");
    let counted: f64 = reported(&output, "counted: ").parse().expect("a number");
    let page = page_of(directory.path());
    assert_eq!(page.at("work_total"), counted);
    assert_eq!(page.at("work_size_count"), counted);
    assert_eq!(page.at("work_size_sum"), counted);
    assert_eq!(page.at("depth"), 100.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 101.0);
}
