//! Recording, once it is set up, makes no system call and allocates nothing.
//!
//! `tests/src/bin/crowd.rs` holds the same to many threads and series, as far as memory goes.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use headcount_tests::{Medium, temporary_directory};

fn program(arguments: &[&str]) -> Output {
    let directory = temporary_directory(Medium::Memory);
    let mut command = Command::new(env!("CARGO_BIN_EXE_repeat"));
    let command = command.args(arguments).env("HEADCOUNT_DIR", directory.path());
    command.output().expect("the program runs")
}

#[test]
fn steady_recording_makes_no_system_call_and_does_not_allocate() {
    let operations = String::from_utf8(program(&[]).stdout).expect("text");
    assert!(operations.lines().count() > 10, "{operations}");
    for operation in operations.lines() {
        let output = program(&[operation, "1000", "sealed"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_ne!(
            output.status.signal(),
            Some(nix::libc::SIGSYS),
            "{operation}: a system call; `strace -f` on this program tells which"
        );
        assert!(output.status.success(), "{operation}: {output:?}");
        assert_eq!(said, "sealed\nallocations 0\n", "{operation}");
    }
}

#[test]
fn a_system_call_would_be_noticed() {
    // More rows than before: each needs blocks, and a record.
    let output = program(&["new rows", "1000", "sealed"]);
    assert_eq!(output.status.signal(), Some(nix::libc::SIGSYS), "{output:?}");
}
