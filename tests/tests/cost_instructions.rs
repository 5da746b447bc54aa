//! What recording costs, counted in instructions by callgrind: they don't depend on how busy the
//! machine is, so they can be asserted.
//!
//! Each operation is done N and many more times; the difference is what the operation costs,
//! without what a process begins with. Of that goes what the same loop costs around nothing, around
//! a plain call, or around one that reads the clock as well.

#![cfg(target_arch = "x86_64")]

use std::path::{Path, PathBuf};
use std::process::Command;

use headcount_tests::{Medium, peer, temporary_directory};

const FEW: u64 = 1_000;
const MANY: u64 = 101_000;

/// The operation, what its costs are compared with, and how many instructions more it took when
/// this was written. Some of it is what the loop makes up for the operation: a number for a bucket,
/// a method for a label. Those that are timed go by the system's clock here, which they ask more
/// directly than `Instant` does, with which they are compared; it is over before the processor's
/// counter takes over, or it is less.
const EXPECTED: &[(&str, &str, f64)] = &[
    ("inc", "nothing", 5.0),
    ("inc_by float", "nothing", 13.0),
    ("set", "nothing", 14.0),
    ("add", "nothing", 25.0),
    ("observe", "nothing", 31.0),
    ("observe native", "nothing", 45.0),
    ("observe summary", "nothing", 14.0),
    ("track", "nothing", 104.0),
    ("closed labels", "nothing", 14.0),
    // A row, which may have been removed: two instructions find out.
    ("open labels", "nothing", 83.0),
    ("open labels, a number", "nothing", 120.0),
    // Above 999 its digits are computed one by one.
    ("open labels, a long number", "nothing", 227.0),
    // A row's, which finds out each time whether the row is still there.
    ("handle", "nothing", 7.0),
    // Declared at run time. The site is no constant, so the slot's address is loaded; and the
    // search for a bucket is a loop, since the compiler knows the number of bounds for a compiled
    // histogram only.
    ("handle, run time", "nothing", 8.0),
    ("observe, run time", "nothing", 85.0),
    ("with_label_values", "nothing", 90.0),
    // Read the clock, and write eight words.
    ("inc_with_exemplar", "nothing", 335.0),
    ("observe_with_exemplar", "nothing", 423.0),
    // Read the coarse clock, and find the exemplar that is there new enough.
    ("inc, exemplars", "nothing", 145.0),
    ("observe, exemplars", "nothing", 179.0),
    ("#[counted]", "call", 10.0),
    ("#[counted], a label", "call", 69.0),
    ("#[in_progress]", "call", 38.0),
    // Reads the clock.
    ("#[in_progress(oldest)]", "call", 177.0),
    ("time", "timed call", -9.0),
    ("#[timed]", "timed call", 1.0),
    ("all four", "timed call", 15.0),
    ("all four, outcome", "timed call", 19.0),
];

/// What is done once for each series or declaration: the operation, between which two numbers of
/// times it is counted, and how many instructions one of them took when this was written. It
/// includes what the loop around it makes up: names, texts, and for removals a new row each.
const ONCE: &[(&str, u64, u64, f64)] = &[
    ("new rows", 100, 900, 15_600.0),
    ("new rows, run time", 100, 900, 15_400.0),
    ("remove one of 1,000", 20, 220, 19_000.0),
    ("declare after 1,000", 20, 220, 19_900.0),
];

/// The first operation of the process after `init`, which makes the thread's shard, and of each
/// kind: what `repeat` takes for each value once, less what the loop takes around nothing.
const FIRST: &[(&str, f64)] = &[
    ("inc", 5_000.0),
    ("observe", 5_500.0),
    ("observe native", 16_600.0),
    ("inc_with_exemplar", 12_500.0),
    ("#[counted]", 5_400.0),
    ("all four", 7_700.0),
];

/// So much more is a mistake, or needs a reason: the compiler may spend an instruction elsewhere.
fn most(expected: f64) -> f64 {
    expected * 1.1 + 2.0
}

fn optimised_program() -> PathBuf {
    // The folder is `cost_assembly`'s as well: what both need is built once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hot-path");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--release", "--package", "headcount-tests"])
        .args(["--bin", "repeat", "--target-dir"])
        .arg(&target)
        .status()
        .expect("cargo runs");
    assert!(status.success());
    target.join("release/repeat")
}

/// The instructions of a whole run.
fn count(program: &Path, operation: &str, times: u64) -> u64 {
    let directory = temporary_directory(Medium::Memory);
    let counts = directory.path().join("callgrind.out");
    let segments = directory.path().join("segments");
    let output = Command::new(peer("valgrind"))
        .args(["--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(program)
        .args([operation, &times.to_string()])
        .env("HEADCOUNT_DIR", segments)
        .output()
        .expect("valgrind runs");
    assert!(output.status.success(), "{operation}: {output:?}");
    let counts = std::fs::read_to_string(counts).expect("what it counted");
    let total = counts.lines().find_map(|line| line.strip_prefix("totals: "));
    total.expect("the totals").trim().parse().expect("a number")
}

/// The instructions of one time.
fn cost(program: &Path, operation: &str) -> f64 {
    cost_between(program, operation, FEW, MANY)
}

#[expect(clippy::cast_precision_loss, reason = "some millions")]
fn cost_between(program: &Path, operation: &str, few: u64, many: u64) -> f64 {
    let (at_few, at_many) = (count(program, operation, few), count(program, operation, many));
    at_many.saturating_sub(at_few) as f64 / (many - few) as f64
}

#[test]
#[ignore = "needs valgrind: run tests/run"]
fn recording_costs_no_more_instructions_than_it_did() {
    let program = optimised_program();
    let base = |operation| (operation, cost(&program, operation));
    let bases = ["nothing", "call", "timed call"].map(base);
    let mut table = Vec::new();
    let mut is_fine = true;
    for (operation, compared, expected) in EXPECTED {
        let base = bases.iter().find(|(name, _)| name == compared).expect("one of the three").1;
        let own = cost(&program, operation) - base;
        is_fine &= own <= most(*expected);
        table.push(format!("{operation:24} {own:8.2}   expected {expected:8.2}"));
    }
    let table = table.join("\n");
    assert!(is_fine, "instructions beyond those of the loop around them:\n{table}");
    // For who changes the numbers above.
    println!("{table}");
}

#[test]
#[ignore = "needs valgrind: run tests/run"]
fn what_happens_once_costs_no_more_instructions_than_it_did() {
    let program = optimised_program();
    let mut table = Vec::new();
    let mut is_fine = true;
    let mut row = |operation: &str, own: f64, expected: f64| {
        is_fine &= own <= most(expected);
        table.push(format!("{operation:24} {own:8.0}   expected {expected:8.0}"));
    };
    for (operation, few, many, expected) in ONCE {
        row(operation, cost_between(&program, operation, *few, *many), *expected);
    }
    // The operation is done once with each value before it is done so many times: not at all.
    let nothing = count(&program, "nothing", 0);
    for (operation, expected) in FIRST {
        let more = count(&program, operation, 0).saturating_sub(nothing);
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        row(&format!("first: {operation}"), more as f64, *expected);
    }
    let table = table.join("\n");
    assert!(is_fine, "instructions:\n{table}");
    // For who changes the numbers above.
    println!("{table}");
}

#[test]
#[ignore = "needs valgrind: run tests/run"]
fn what_comes_and_goes_costs_the_same_however_much_there_is_and_was() {
    let program = optimised_program();
    for (less, more) in [
        ("remove one of 1,000", "remove one of 20,000"),
        ("declare after 1,000", "declare after 20,000"),
        ("collect after 2,000", "collect after 20,000"),
    ] {
        let [with_less, with_more] = [less, more].map(|what| cost_between(&program, what, 20, 220));
        println!("{less}: {with_less:.0} instructions; {more}: {with_more:.0}");
        // Ten and twenty times as many. A tree of them has a level or two more, and when the log is
        // rewritten depends on the clock.
        assert!(with_more <= 3.0 * with_less, "{less}: {with_less}, {more}: {with_more}");
    }
}
