//! The example `hello`, whose output the README shows: two children count, the parent prints what both have counted.

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
