//! A process dies, by any means: what it counted stays, what was only true of the living goes.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use headcount_tests::child::Child;
use headcount_tests::collected::page_of;
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::libc;
use nix::sys::signal::Signal;

fn worker(arguments: &[&str]) -> Child {
    Child::start(Command::new(env!("CARGO_BIN_EXE_worker")).args(arguments))
}

fn counts_survive_sigkill(medium: Medium) {
    const THREADS: usize = 2;
    let folder = temporary_directory(medium);
    let mut expected = 0;
    let mut rounds = 0_u32;
    while rounds < 20 {
        let directory = folder.path().join(format!("round-{rounds}"));
        let acknowledged = folder.path().join("acknowledged");
        let file =
            File::options().create(true).truncate(true).read(true).write(true).open(&acknowledged);
        let file = file.expect("a file");
        file.set_len(4096).expect("a page");
        let read = |file: &File| -> u64 {
            let mut words = [0; 8 * THREADS];
            file.read_exact_at(&mut words, 0).expect("the page");
            words.chunks(8).map(|w| u64::from_le_bytes(w.try_into().expect("eight"))).sum()
        };
        let mut child = worker(&[
            "count-until-killed",
            directory.to_str().expect("UTF-8"),
            acknowledged.to_str().expect("UTF-8"),
            "2",
        ]);
        // At a different moment each round: while it starts, soon after, or well on its way.
        let enough = [0, 1, 1_000, 100_000][rounds as usize % 4];
        eventually("enough was counted", || (read(&file) >= enough).then_some(()));
        child.kill();
        let counted = read(&file);
        if directory.exists() && std::fs::read_dir(&directory).expect("it is there").count() > 0 {
            // Killed between giving the segment its name and declaring the series: none of them.
            let value = page_of(&directory).value("work_total").unwrap_or(0.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a counter"
            )]
            let value = value as u64;
            assert!(value >= counted, "round {rounds}: {counted} acknowledged, {value} there");
            // Each thread may have been killed between counting and acknowledging.
            assert!(value <= counted + THREADS as u64, "round {rounds}: {counted}, {value} there");
        } else {
            assert_eq!(counted, 0, "round {rounds}: counted without a segment");
        }
        expected += counted;
        rounds += 1;
    }
    assert!(expected > 400_000, "{expected}");
}

#[test]
fn what_was_counted_before_a_kill_is_there() {
    counts_survive_sigkill(Medium::Memory);
}

#[test]
fn what_was_counted_before_a_kill_is_there_on_disk() {
    counts_survive_sigkill(Medium::Disk);
}

#[test]
fn calls_in_progress_go_with_their_process() {
    let directory = temporary_directory(Medium::Memory);
    let mut child = worker(&["inside", directory.path().to_str().expect("UTF-8")]);
    eventually("it is inside", || child.output().contains("inside").then_some(()));
    let inside = "{function=\"wait_to_be_killed\",module=\"worker\"}";
    let page = page_of(directory.path());
    assert_eq!(page.at(&format!("function_calls_concurrent{inside}")), 1.0);
    child.kill();
    let page = page_of(directory.path());
    assert!(!page.samples.contains_key(&format!("function_calls_concurrent{inside}")), "{page:?}");
    assert_eq!(page.at(&format!("function_calls_total{inside}")), 1.0);
}

#[test]
fn a_stopped_process_is_alive() {
    let directory = temporary_directory(Medium::Memory);
    let child = worker(&["inside", directory.path().to_str().expect("UTF-8")]);
    eventually("it is inside", || child.output().contains("inside").then_some(()));
    child.signal(Signal::SIGSTOP);
    assert_eq!(page_of(directory.path()).at("headcount_processes{state=\"live\"}"), 1.0);
}

#[test]
fn gauges_combine_as_their_modes_say() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path().to_str().expect("UTF-8");
    let mut children: Vec<Child> =
        ["3", "5", "-1"].into_iter().map(|value| worker(&["gauges", path, value])).collect();
    for child in &children {
        eventually("it has set its gauges", || child.output().contains("ready").then_some(()));
    }
    let pids: Vec<_> = children.iter().map(Child::pid).collect();
    let page = page_of(directory.path());
    for (name, value) in
        [("depth_livesum", 7.0), ("depth_added", 7.0), ("depth_min", -1.0), ("depth_max", 5.0)]
    {
        assert_eq!(page.at(name), value, "{name}");
    }
    for (pid, value) in pids.iter().zip([3.0, 5.0, -1.0]) {
        assert_eq!(page.at(&format!("depth_liveall{{pid=\"{pid}\"}}")), value);
        assert_eq!(page.at(&format!("depth_all{{pid=\"{pid}\"}}")), value);
    }
    assert!(!page.samples.keys().any(|name| name.starts_with("depth_untouched")), "{page:?}");

    children[1].kill();
    let page = page_of(directory.path());
    for (name, value) in
        [("depth_livesum", 2.0), ("depth_added", 7.0), ("depth_min", -1.0), ("depth_max", 5.0)]
    {
        assert_eq!(page.at(name), value, "{name} after a death");
    }
    assert!(!page.samples.contains_key(&format!("depth_liveall{{pid=\"{}\"}}", pids[1])));
    assert_eq!(page.at(&format!("depth_all{{pid=\"{}\"}}", pids[1])), 5.0);
    assert_eq!(page.at(&format!("depth_liveall{{pid=\"{}\"}}", pids[0])), 3.0);
}

/// Built with `panic = "abort"`. The folder is `cost_assembly`'s as well: what both need is built
/// once.
#[test]
fn what_ended_before_an_abort_stays() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hot-path");
    let status = Command::new(env!("CARGO"))
        .args(["rustc", "--quiet", "--offline", "--release", "--package", "headcount-tests"])
        .args(["--bin", "aborting", "--target-dir"])
        .arg(&target)
        .args(["--", "-C", "panic=abort"])
        .status()
        .expect("cargo runs");
    assert!(status.success());
    let directory = temporary_directory(Medium::Memory);
    let mut child =
        Child::start(Command::new(target.join("release/aborting")).arg(directory.path()));
    let status = child.wait();
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{}", child.all_output());
    let page = page_of(directory.path());
    let work = |family: &str, outcome: &str| {
        let labels = "function=\"work\",module=\"aborting\"";
        let all = format!("{family}{{{labels},outcome=\"{outcome}\"}}");
        let none = format!("{family}{{{labels}}}");
        page.at(if outcome.is_empty() { &none } else { &all })
    };
    assert_eq!(work("function_calls_total", "ok"), 5.0);
    assert_eq!(work("function_calls_total", "panic"), 0.0, "nobody has seen its end");
    assert_eq!(work("function_calls_duration_seconds_count", ""), 5.0);
    assert_eq!(work("function_exceptions_total", ""), 0.0);
    // Gauges of the living go with their process.
    for name in ["function_calls_concurrent", "in_hand"] {
        assert_eq!(page.series(name), 0);
    }
}
