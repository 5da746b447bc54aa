//! The feature `off`: the same program, and nothing is counted.

use std::path::Path;
use std::process::Command;

use headcount_tests::page::Page;
use headcount_tests::{Medium, built_with, temporary_directory};

#[test]
fn a_program_built_without_recording_runs_and_counts_nothing() {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let worker = built_with(env!("CARGO"), temporary, "worker", &["--features", "off"]);
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("segments");
    let output = Command::new(&worker)
        .args(["count", "100"])
        .env("HEADCOUNT_DIR", &directory)
        .output()
        .expect("the worker runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("shared: false"), "{text}");
    assert!(!directory.exists(), "no segment was made");
    // A collector in the same program still works, on what others counted.
    assert!(text.contains("collect: "), "the directory isn't there: {text}");

    std::fs::create_dir(&directory).expect("a directory");
    let counts = Command::new(env!("CARGO_BIN_EXE_worker"))
        .args(["count", "7"])
        .env("HEADCOUNT_DIR", &directory)
        .status();
    assert!(counts.expect("the worker runs").success());
    let output = Command::new(&worker)
        .args(["count", "100"])
        .env("HEADCOUNT_DIR", &directory)
        .output()
        .expect("the worker runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (_, page) = text.split_once("page:\n").expect("a page");
    let page = Page::parse(page).expect("a page");
    assert!((page.at("work_total") - 7.0).abs() < f64::EPSILON);
}
