//! The examples `counter` and `hello`, which the README shows with their output: runs count
//! together; two children count, the parent prints what both have counted.

use std::fs;
use std::path::Path;
use std::process::Command;

use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::server::example;
use headcount_tests::{Medium, eventually, temporary_directory};

#[test]
fn the_parent_prints_what_its_children_have_counted() {
    let mut hello = Child::start(Command::new(example("hello")).env_remove("HEADCOUNT_DIR"));
    assert!(hello.wait().success(), "{}", hello.output());
    eventually("no process is left", || hello.group_is_gone().then_some(()));

    // The pipes are read to their ends only some time after the end of the process.
    let page = eventually("the whole page is here", || {
        Page::parse(&hello.output()).ok().filter(|page| page.types.len() >= 6)
    });
    for (sample, value) in [
        (r#"function_calls_total{function="deliver",module="hello"}"#, 2.0),
        (r#"function_exceptions_total{function="deliver",module="hello"}"#, 1.0),
        (r#"function_calls_concurrent{function="deliver",module="hello"}"#, 0.0),
        (r#"function_calls_duration_seconds_count{function="deliver",module="hello"}"#, 2.0),
        (r#"greetings_total{name="world",outcome="ok"}"#, 2.0),
        (r#"greetings_total{name="world",outcome="error"}"#, 0.0),
        (r#"greetings_total{name="world",outcome="panic"}"#, 0.0),
        (r#"greetings_total{name="world",outcome="cancelled"}"#, 0.0),
        ("letters_total", 5.0),
    ] {
        assert_eq!(page.value(sample), Some(value), "{sample}\n{}", hello.output());
    }
}

/// Lines whose numbers are measured differ from run to run; all others don't.
fn without_measured(line: &str) -> &str {
    let measured = line.contains("_sum{") || line.contains("_bucket{");
    if measured { line.rsplit_once(' ').map_or(line, |(series, _)| series) } else { line }
}

/// The blocks of the README in a language, in their order.
fn blocks(language: &str) -> Vec<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let readme = fs::read_to_string(workspace.join("README.md")).expect("it is there");
    let begin = format!("\n```{language}\n");
    let blocks = readme.split(&begin).skip(1);
    blocks.map(|from| from.split_once("\n```\n").expect("its end").0.to_owned() + "\n").collect()
}

fn source(example: &str) -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    fs::read_to_string(workspace.join("examples").join(example)).expect("it is there")
}

#[test]
fn the_readme_shows_this_program_and_what_it_prints() {
    assert_eq!(blocks("rust")[1], source("hello.rs"));

    let mut hello = Child::start(Command::new(example("hello")).env_remove("HEADCOUNT_DIR"));
    let printed = hello.all_output();
    // What the collector says of itself is left out there.
    let of_itself = |line: &&str| !line.contains("headcount_");
    let printed: Vec<_> = printed.lines().filter(of_itself).map(without_measured).collect();
    let shown = blocks("text")[1].clone();
    let shown: Vec<_> = shown.lines().map(without_measured).collect();
    // The README leaves out most of the buckets.
    let at = shown.iter().position(|line| *line == "..").expect("a gap");
    let left_out = printed.len().checked_sub(shown.len() - 1).expect("more is printed");
    let buckets = &printed[at..at + left_out];
    assert!(buckets.iter().all(|line| line.contains("_bucket{")), "{buckets:?}");
    assert_eq!(buckets.len(), 13);
    assert_eq!([&printed[..at], &printed[at + left_out..]], [&shown[..at], &shown[at + 1..]]);
}

#[test]
fn the_first_program_of_the_readme_counts_over_its_runs() {
    assert_eq!(blocks("rust")[0], source("counter.rs"));
    assert!(!source("counter.rs").contains("unsafe"));

    let folder = temporary_directory(Medium::Memory);
    let run = || {
        let mut counter = Command::new(example("counter"));
        let output = counter.env("TMPDIR", folder.path()).env_remove("HEADCOUNT_DIR").output();
        String::from_utf8(output.expect("it runs").stdout).expect("UTF-8")
    };
    let printed = [run(), run(), run()];
    assert_eq!(printed[2], blocks("text")[0]);
}
