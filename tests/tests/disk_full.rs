//! A process that finds no space for its segment: what the dead have left is compacted once. Where
//! that helps, it counts as any other, and nobody's counts are lost; where it doesn't, it counts in
//! private memory and says so.

#![allow(clippy::print_stderr, reason = "a test that couldn't be made says so")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount_tests::child::Child;
use headcount_tests::{Medium, built_with, is_long, temporary_directory, within};

/// What the program `on_full_disk` tells; `None` where it can mount no filesystem.
#[track_caller]
fn run(scenario: &[&str]) -> Option<String> {
    run_program(Path::new(env!("CARGO_BIN_EXE_on_full_disk")), scenario)
}

#[track_caller]
fn run_program(program: &Path, scenario: &[&str]) -> Option<String> {
    let folder = temporary_directory(Medium::Memory);
    let mut command = Command::new(program);
    let mut child = Child::start(command.arg(folder.path()).args(scenario));
    let status = within(Duration::from_secs(60), "the program has ended", || child.ended());
    assert!(status.success(), "{status:?}:\n{}", child.output());
    let output = child.all_output();
    if let Some(why) = output.strip_prefix("refused: ") {
        eprintln!("not tested: no filesystem can be mounted here: {why}");
        return None;
    }
    Some(output)
}

#[derive(Debug, PartialEq, Eq)]
struct Worker {
    is_shared: bool,
    dropped: u64,
    /// The work of the dead and its own.
    sees: u64,
    problem: i32,
}

fn numbers(line: &str) -> Vec<u64> {
    let digits = line.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    digits.map(|digits| digits.parse().expect("digits")).collect()
}

/// What the program's children reported of themselves.
fn workers(output: &str) -> Vec<Worker> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("worker: "));
    lines
        .map(|line| {
            let [dropped, sees, problem] = numbers(line)[..] else { panic!("{line}") };
            let problem = i32::try_from(problem).expect("small");
            Worker { is_shared: line.starts_with("shared"), dropped, sees, problem }
        })
        .collect()
}

/// What everybody sees: the work, the rows, the level.
fn page(output: &str) -> [u64; 3] {
    let line = output.lines().find_map(|line| line.strip_prefix("page: "));
    let line = line.unwrap_or_else(|| panic!("no page in {output}"));
    numbers(line).try_into().expect("three numbers")
}

/// 1 + 2 + 3 + ..
const fn sum_to(n: u64) -> u64 {
    n * (n + 1) / 2
}

const ENOSPC: i32 = 28;

#[test]
fn a_new_process_compacts_the_dead_and_counts_as_any_other() {
    // Where a page or two are left its segment is begun, and then given up; with a few more it is
    // made, and what it declares finds no space.
    for pages in 1..=8 {
        for kind in ["gauge", "counters"] {
            let Some(output) = run(&["one", "20", &pages.to_string(), kind]) else { return };
            let [worker] = &workers(&output)[..] else { panic!("{output}") };
            assert_eq!((worker.is_shared, worker.dropped), (true, 0), "{pages} pages: {output}");
            assert_eq!(worker.problem, 0, "{pages} pages: {output}");
            let level = if kind == "gauge" { 20 } else { 0 };
            assert_eq!(page(&output), [sum_to(20) + 1_000, 21, level], "{pages} pages: {output}");
        }
    }
}

#[test]
fn on_a_disk_without_a_single_block_the_dead_give_back_what_they_do_not_use() {
    let Some(output) = run(&["one", "20", "0", "counters"]) else { return };
    let [worker] = &workers(&output)[..] else { panic!("{output}") };
    assert_eq!((worker.is_shared, worker.dropped), (true, 0), "{output}");
    assert_eq!(page(&output), [sum_to(20) + 1_000, 21, 0], "{output}");
}

#[test]
fn where_compaction_does_not_help_it_counts_in_private_memory_and_says_so() {
    let Some(output) = run(&["nothing-dead"]) else { return };
    let private = |sees| Worker { is_shared: false, dropped: 0, sees, problem: ENOSPC };
    assert_eq!(workers(&output), [private(5), private(3)], "{output}");
    assert_eq!(page(&output), [0, 0, 0], "{output}");
    // Dead there are, and no block: each has a gauge beside its counters.
    let Some(output) = run(&["one", "20", "0", "gauge"]) else { return };
    let [worker] = &workers(&output)[..] else { panic!("{output}") };
    assert_eq!(worker, &private(sum_to(20) + 1_000), "{output}");
    assert_eq!(page(&output), [sum_to(20), 20, 20], "{output}");
}

#[test]
#[ignore = "compiles headcount anew: run tests/run --long"]
fn without_the_feature_it_leaves_the_dead_alone_and_says_that_it_counts_in_private_memory() {
    if !is_long() {
        return;
    }
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = built_with(env!("CARGO"), temporary, "on_full_disk", &["--no-default-features"]);
    let Some(output) = run_program(&program, &["one", "20", "0", "counters"]) else { return };
    let [worker] = &workers(&output)[..] else { panic!("{output}") };
    let sees = sum_to(20) + 1_000;
    let expected = Worker { is_shared: false, dropped: 0, sees, problem: ENOSPC };
    assert_eq!(worker, &expected, "{output}");
    assert_eq!(page(&output), [sum_to(20), 20, 0], "{output}");
}

#[test]
fn threads_that_record_meanwhile_lose_nothing() {
    for pages in [1, 3] {
        let Some(output) = run(&["threads", &pages.to_string()]) else { return };
        let [worker] = &workers(&output)[..] else { panic!("{output}") };
        assert_eq!((worker.is_shared, worker.dropped), (true, 0), "{output}");
        assert_eq!(page(&output), [sum_to(30) + 1_600, 30, 0], "{output}");
    }
}

#[test]
fn of_several_workers_at_once_one_compacts_and_each_knows_where_it_counts() {
    for count in [2, 60] {
        let Some(output) = run(&["together", &count.to_string()]) else { return };
        let workers = workers(&output);
        assert_eq!(workers.len(), count);
        for worker in &workers {
            // One that took the very last space for its segment drops what it records, and says so;
            // what is private is not dropped.
            if !worker.is_shared || worker.dropped > 0 {
                assert_ne!(worker.problem, 0, "{output}");
            }
            assert!(worker.is_shared || worker.dropped == 0, "{output}");
        }
        let counts = |worker: &&Worker| worker.is_shared && worker.dropped == 0;
        let counting = workers.iter().filter(counts).count() as u64;
        assert!(counting > 0, "who compacted has space: {output}");
        assert_eq!(page(&output)[0], sum_to(30) + 1_000 * counting, "{output}");
    }
}

#[test]
fn a_fork_does_not_wait_for_the_compactor_and_other_threads_do() {
    let Some(output) = run(&["fork-meanwhile"]) else { return };
    let [child, worker] = &workers(&output)[..] else { panic!("{output}") };
    // Its parent has the lock for compaction.
    assert_eq!(
        (child.is_shared, child.dropped, child.sees),
        (false, 0, sum_to(30) + 200),
        "{output}"
    );
    assert!(output.contains("recorded meanwhile: false"), "{output}");
    assert_eq!((worker.is_shared, worker.dropped), (true, 0), "{output}");
    assert_eq!(page(&output)[0], sum_to(30) + 1_030, "{output}");
}

#[test]
fn what_records_from_inside_does_not_wait_for_itself() {
    let Some(output) = run(&["allocator"]) else { return };
    let [worker] = &workers(&output)[..] else { panic!("{output}") };
    assert!(worker.is_shared, "{output}");
    assert_eq!(page(&output)[0], sum_to(30) + 1_000, "{output}");
    let line = output.lines().find_map(|line| line.strip_prefix("allocations: "));
    let [made, counted] = numbers(line.expect("a line"))[..] else { panic!("{output}") };
    assert!(made > 100, "a compaction allocates: {output}");
    assert_eq!(counted + worker.dropped, made, "{output}");
}

#[test]
fn what_is_declared_at_run_time_on_a_full_disk_is_reported_and_counts_once_there_is_space() {
    let Some(output) = run(&["declare"]) else { return };
    let reported = |what: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(what));
        line.unwrap_or_else(|| panic!("no {what} in {output}")).to_owned()
    };
    assert_eq!(reported("full: "), "shared true, problem Some(28)");
    let [lost, dropped] = numbers(&reported("lost while it was full: "))[..] else {
        panic!("{output}")
    };
    // Those of the last family are not among the lost ones.
    assert!(dropped > 0 && lost <= dropped && dropped <= lost + 50, "{output}");
    assert_eq!((reported("kept: "), reported("new: ")), ("Some(2.0)".into(), "Some(7.0)".into()));
}

/// A filesystem may have blocks, and no file more.
#[test]
fn where_files_run_out_before_blocks_a_new_process_compacts_in_time() {
    for most in ["6", "13", "40", "100"] {
        let Some(output) = run(&["files", most, "150"]) else { return };
        assert_eq!(page(&output), [sum_to(150), 150, 150], "{most} files: {output}");
    }
}

#[test]
fn an_operator_can_compact_on_a_full_disk() {
    for (pages, kind) in [("0", "counters"), ("1", "gauge"), ("2", "gauge")] {
        let Some(output) = run(&["compact", "20", pages, kind]) else { return };
        assert!(output.contains("compacted: 20\n"), "{output}");
        assert_eq!(page(&output)[..2], [sum_to(20), 20], "{output}");
    }
    let Some(output) = run(&["compact", "20", "0", "gauge"]) else { return };
    assert!(output.contains("No space left"), "{output}");
    assert_eq!(page(&output), [sum_to(20), 20, 20], "{output}");
}
