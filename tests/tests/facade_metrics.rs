//! Programs whose crates are instrumented with another facade count over many processes.

use std::process::Command;
use std::time::Duration;

use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory, within};

/// The page of a program that counts the load, without the collector's own metrics, and the help
/// texts.
fn page(program: &str) -> (Page, Vec<String>) {
    let folder = temporary_directory(Medium::Memory);
    let mut command = Command::new(program);
    let mut child = Child::start(command.arg(folder.path().join("metrics")));
    let ended = within(Duration::from_secs(120), "the load", || child.ended());
    let output = child.all_output();
    assert!(ended.success(), "{ended}: {output}");
    let mut page = Page::parse(&output).unwrap_or_else(|error| panic!("{error}\n{output}"));
    page.samples.retain(|name, _| !name.starts_with("headcount_"));
    page.types.retain(|name, _| !name.starts_with("headcount_"));
    let help = output.lines().filter(|line| line.starts_with("# HELP "));
    let help = help.filter(|line| !line.contains(" headcount_")).map(str::to_owned);
    (page, help.collect())
}

#[test]
fn the_same_load_gives_the_same_page_sample_by_sample() {
    let (compiled, compiled_help) = page(env!("CARGO_BIN_EXE_facade_compiled"));
    // 8 from the master, and 1,500 of each of five workers.
    assert_eq!(compiled.value("plain_total"), Some(7_508.0));
    assert!(compiled.samples.len() > 60, "{compiled:#?}");
    let (facade, facade_help) = page(env!("CARGO_BIN_EXE_facade"));
    assert_eq!(facade, compiled);
    assert_eq!(facade_help, compiled_help);
}
