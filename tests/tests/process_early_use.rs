//! What is recorded before the linker's list is complete is counted, and keeps nothing else from
//! being counted or shown.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory};

fn page_of(directory: &Path) -> Page {
    let snapshot = headcount::Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    Page::parse(&snapshot.to_text()).expect("a page")
}

#[test]
fn a_constructor_that_records_first_loses_nothing() {
    let directory = temporary_directory(Medium::Memory);
    let mut program = Command::new(env!("CARGO_BIN_EXE_early"))
        .env("HEADCOUNT_DIR", directory.path().join("metrics"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut output = BufReader::new(program.stdout.take().expect("piped")).lines();
    assert_eq!(output.next().expect("a line").expect("UTF-8"), "begun");
    // Everything that is declared is there, though only what was early was used.
    let page = page_of(&directory.path().join("metrics"));
    assert_eq!(page.at("early_total"), 2.0);
    assert_eq!(page.at("calls_total"), 1.0);
    assert_eq!(page.at("rows_total{id=\"early\"}"), 1.0);
    assert_eq!(page.at("late_total"), 0.0);
    program.stdin.take().expect("piped").write_all(b"go\n").expect("it reads");
    let rest: Vec<String> = output.map(|line| line.expect("UTF-8")).collect();
    assert!(program.wait().expect("it ends").success(), "{rest:?}");
    assert_eq!(rest[0], "dropped: 0", "{rest:?}");
    let page = page_of(&directory.path().join("metrics"));
    assert_eq!(page.at("late_total"), 246.0);
    assert_eq!(page.at("calls_total"), 247.0);
    assert_eq!(page.at("rows_total{id=\"late\"}"), 246.0);
    assert_eq!(page.at("early_total"), 2.0);
}
