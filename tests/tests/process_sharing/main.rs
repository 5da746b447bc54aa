//! Processes of one program count together, whatever they do between the start of the first and
//! their own first use; and one that counts for itself alone says so wherever a person looks.

mod environment;
mod places;
mod rights;

use std::process::Command;

use headcount_tests::SOON;
use headcount_tests::child::output_of;

const VARIABLES: [&str; 7] = [
    "HEADCOUNT_DIR",
    "PROMETHEUS_MULTIPROC_DIR",
    "prometheus_multiproc_dir",
    "RUNTIME_DIRECTORY",
    "HEADCOUNT_GROUP",
    "HEADCOUNT_REQUIRED",
    "HEADCOUNT_SEGMENT_SIZE",
];

fn sharer(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    run(Command::new(env!("CARGO_BIN_EXE_sharer")).args(arguments), environment)
}

fn run(command: &mut Command, environment: &[(&str, &str)]) -> String {
    for name in VARIABLES {
        command.env_remove(name);
    }
    output_of(command.envs(environment.iter().copied()), SOON)
}

/// What this process reported of itself, without its name.
fn reports_of<'a>(output: &'a str, who: &str) -> Vec<&'a str> {
    let of = |line: &'a str| line.strip_prefix(who)?.strip_prefix(": ");
    output.lines().filter_map(of).collect()
}

#[track_caller]
fn has(lines: &[&str], line: &str) {
    assert!(lines.contains(&line), "no {line:?} in {lines:#?}");
}

/// How many lines begin so.
fn count(lines: &[&str], start: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(start)).count()
}
