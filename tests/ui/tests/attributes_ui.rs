//! Programs that must not compile, with the messages they get, and programs that must.
//!
//! The messages are those of one compiler, [`WRITTEN_WITH`]; another one quotes sources and words
//! its own parts otherwise. With another compiler only the first line of each message, and its
//! place, are compared. `TRYBUILD=overwrite cargo test -p headcount-ui-tests` writes them anew:
//! read what it wrote.

#![allow(clippy::unwrap_used, reason = "a helper fails the test")]
#![expect(clippy::disallowed_methods, reason = "switches of the test's own")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler whose messages are in `fail`.
const WRITTEN_WITH: &str = "cargo 1.95.";
/// Names the folder of programs, in a process that writes the messages of another compiler there.
const ELSEWHERE: &str = "HEADCOUNT_UI";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fail")
}

#[test]
fn mistakes_get_the_messages_that_are_expected_of_them() {
    let programs = std::env::var(ELSEWHERE).unwrap_or_else(|_| "fail".to_owned());
    let version = Command::new(env!("CARGO")).arg("--version").output().unwrap().stdout;
    let is_another = !version.starts_with(WRITTEN_WITH.as_bytes());
    if is_another && programs == "fail" && std::env::var_os("TRYBUILD").is_none() {
        return compare_first_lines();
    }
    trybuild::TestCases::new().compile_fail(format!("{programs}/*.rs"));
}

/// Lets another process, in which trybuild writes messages instead of comparing them, do that for
/// copies of the programs.
fn compare_first_lines() {
    let elsewhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    let _ = fs::remove_dir_all(&elsewhere);
    fs::create_dir_all(&elsewhere).unwrap();
    let files = || fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let is_program = |path: &PathBuf| path.extension().is_some_and(|it| it == "rs");
    for program in files().filter(is_program) {
        fs::copy(&program, elsewhere.join(program.file_name().unwrap())).unwrap();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "mistakes_get_the_messages_that_are_expected_of_them"])
        .env(ELSEWHERE, &elsewhere)
        .env("TRYBUILD", "overwrite")
        .status();
    assert!(status.unwrap().success());
    for expected in files().filter(|path| !is_program(path)) {
        let name = expected.file_name().unwrap();
        let lines = |path: &Path| first_lines(&fs::read_to_string(path).unwrap());
        assert_eq!(lines(&expected), lines(&elsewhere.join(name)), "{}", expected.display());
    }
}

/// The first line of each message, and the line and column that it is about.
fn first_lines(messages: &str) -> Vec<String> {
    let is_first = |line: &&str| line.starts_with("error") || line.starts_with("warning");
    let is_place = |line: &&str| line.trim_start().starts_with("--> ");
    let mut found = Vec::new();
    let mut lines = messages.lines();
    while let Some(first) = lines.find(is_first) {
        let place = lines.clone().next().filter(is_place).unwrap_or_default();
        let place = place.rsplit('/').next().unwrap_or_default();
        found.push(format!("{first} @ {place}"));
    }
    found
}

#[test]
fn what_must_compile_compiles() {
    trybuild::TestCases::new().pass("pass/*.rs");
}

/// The compiler shows the standard library's source where the machine has it (rustup's component
/// `rust-src`), and the next release moves it. What panics in a constant says where it was called
/// (`#[track_caller]`), so that none of it is shown.
#[test]
fn no_message_shows_the_standard_library() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("$RUST"), "{} shows the standard library", path.display());
    }
}

#[test]
fn every_message_belongs_to_a_program() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("rs").is_file(), "{} is left over", path.display());
        assert!(path.with_extension("stderr").is_file(), "{} has no message", path.display());
    }
}
