//! A program forks, and every process counts for itself: nothing is lost, nothing twice, nobody
//! waits for a thread that it doesn't have.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::process::Command;
use std::time::Duration;

use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory, within};

fn run(arguments: &[&str]) -> String {
    let mut child = Child::start(Command::new(env!("CARGO_BIN_EXE_worker")).args(arguments));
    let status = within(Duration::from_secs(120), "the worker has ended", || child.ended());
    assert!(status.success(), "{status:?}:\n{}", child.output());
    child.all_output()
}

fn page_of(directory: &std::path::Path) -> Page {
    let snapshot = headcount::Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    Page::parse(&snapshot.to_text()).expect("a page")
}

/// Everything that `count(n)` in the worker counts, in all processes together.
fn assert_counted(page: &Page, n: u64) {
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let n = n as f64;
    assert_eq!(page.at("work_total"), n);
    assert_eq!(page.at("work_size_count"), n);
    assert_eq!(page.at("work_size_sum"), n);
    let outcomes = |outcome| {
        page.at(&format!("calls_total{{outcome=\"{outcome}\",queue=\"even\"}}"))
            + page.at(&format!("calls_total{{outcome=\"{outcome}\",queue=\"odd\"}}"))
    };
    assert_eq!(outcomes("ok") + outcomes("error"), n);
    assert_eq!(outcomes("panic") + outcomes("cancelled"), 0.0);
    let both = |name: &str| {
        page.at(&format!("{name}{{queue=\"even\"}}")) + page.at(&format!("{name}{{queue=\"odd\"}}"))
    };
    assert_eq!(both("call_seconds_count"), n);
    // Live gauges are of the living.
    if page.at("headcount_processes{state=\"live\"}") > 0.0 {
        assert_eq!(both("calls_now"), 0.0);
    } else {
        assert_eq!(page.value("calls_now{queue=\"even\"}"), None);
    }
    assert_eq!(both("call_failures_total"), outcomes("error"));
}

fn a_storm_of_forks_is_counted_exactly(medium: Medium) {
    let directory = temporary_directory(medium);
    let path = directory.path().to_str().expect("UTF-8");
    let output = run(&["fork-storm", path, "100", "2"]);
    let counted = output.lines().find_map(|line| line.strip_prefix("counted "));
    let counted: u64 = counted.expect("a sum").parse().expect("a number");
    // 100 children and as many grandchildren, 50 of them with a second thread, beside what the
    // parent counted.
    assert!(counted > 250_000, "{counted}");
    assert_counted(&page_of(directory.path()), counted);
    // What the parent saw at its end is what is there when it is gone.
    let (_, seen) = output.split_once('\n').expect("a page");
    assert_counted(&Page::parse(seen).expect("a page"), counted);
}

#[test]
fn a_hundred_forks_under_counting_threads_are_exact_in_memory() {
    a_storm_of_forks_is_counted_exactly(Medium::Memory);
}

#[test]
fn a_hundred_forks_under_counting_threads_are_exact_on_disk() {
    a_storm_of_forks_is_counted_exactly(Medium::Disk);
}

#[test]
fn childrens_children_count_for_themselves() {
    let directory = temporary_directory(Medium::Memory);
    run(&["generations", directory.path().to_str().expect("UTF-8"), "6"]);
    let page = page_of(directory.path());
    assert_counted(&page, 140);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 7.0);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 0.0);
}

#[test]
fn a_call_that_forks_is_its_parents_alone() {
    let directory = temporary_directory(Medium::Memory);
    run(&["fork-inside-a-call", directory.path().to_str().expect("UTF-8")]);
    let page = page_of(directory.path());
    let call = "function=\"call_that_forks\",module=\"worker\"";
    let calls = |outcome| {
        page.at(&format!("function_calls_total{{function=\"call_that_forks\",module=\"worker\",outcome=\"{outcome}\"}}"))
    };
    assert_eq!(["ok", "error", "panic", "cancelled"].map(calls), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(page.at(&format!("function_calls_duration_seconds_count{{{call}}}")), 1.0);
    assert_eq!(page.at(&format!("function_exceptions_total{{{call}}}")), 0.0);
    assert_eq!(page.at("work_total"), 10.0);
    // The timer that was started before the fork is the parent's too.
    assert_eq!(page.at("work_size_count"), 11.0);
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 2.0);
}

#[test]
fn more_threads_than_shards_are_exact() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path().to_str().expect("UTF-8");
    let output = run(&["threads", path, "600", "20"]);
    assert_counted(&page_of(directory.path()), 10 * 600 * 20);
    assert!(output.contains("\ndropped: 0 0\n") && output.contains("no problem"), "{output}");
}

#[test]
fn a_parent_that_was_killed_looks_dead_although_its_child_lives() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path().to_str().expect("UTF-8");
    let mut child = Child::start(Command::new(env!("CARGO_BIN_EXE_worker")).args(["orphan", path]));
    child.wait();
    assert!(!child.group_is_gone(), "the orphan lives: {}", child.output());
    // The parent may be gone before its child has let go of its segment.
    let page = eventually("the parent looks dead", || {
        let page = page_of(directory.path());
        (page.at("headcount_processes{state=\"live\"}") == 0.0).then_some(page)
    });
    assert_eq!(page.at("headcount_processes{state=\"dead\"}"), 1.0);
    assert!(!page.samples.contains_key("depth_livesum"), "{page:?}");
}
