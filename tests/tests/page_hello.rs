//! The example `hello`, whose output the README shows: two children count, the parent prints what
//! both have counted.

use std::fs;
use std::path::Path;
use std::process::Command;

use headcount_tests::child::Child;
use headcount_tests::eventually;
use headcount_tests::page::Page;
use headcount_tests::server::example;

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

#[test]
fn the_readme_shows_this_program_and_what_it_prints() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let read = |path: &str| fs::read_to_string(workspace.join(path)).expect("it is there");
    let readme = read("README.md");
    let block = |language: &str| {
        let (_, from) = readme.split_once(&format!("\n```{language}\n")).expect("a block");
        from.split_once("\n```\n").expect("its end").0.to_owned() + "\n"
    };
    assert_eq!(block("rust"), read("examples/hello.rs"));

    let mut hello = Child::start(Command::new(example("hello")).env_remove("HEADCOUNT_DIR"));
    let printed = hello.all_output();
    // What the collector says of itself is left out there.
    let of_itself = |line: &&str| !line.contains("headcount_");
    let printed: Vec<_> = printed.lines().filter(of_itself).map(without_measured).collect();
    let shown = block("text");
    let shown: Vec<_> = shown.lines().map(without_measured).collect();
    assert_eq!(printed, shown);
}
