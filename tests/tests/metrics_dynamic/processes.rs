//! Declarations in many processes: masters and workers, forks, threads, full segments.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount_tests::child::{output_of, reported};
use headcount_tests::files::segments;
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory};

pub(crate) fn declarer(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_declarer"));
    command.env_remove("HEADCOUNT_DIR").args(arguments).envs(environment.iter().copied());
    output_of(&mut command, Duration::from_secs(240))
}

pub(crate) fn page_in(output: &str) -> Page {
    let (head, page) = output.split_once("page:\n").expect("a page");
    assert!(!head.contains("skipped: "), "{head}");
    Page::parse(page).unwrap_or_else(|error| panic!("{error}\n{output}"))
}

/// A segment's log, without what differs between processes: when its series were created.
fn log(path: &Path) -> Vec<Vec<u8>> {
    let file = File::open(path).expect("ours");
    let read = |at: u64, len: usize| {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at).expect("it is longer");
        bytes
    };
    let word = u32::from_le_bytes(read(0x1040, 4).try_into().expect("four bytes"));
    let log = read(0x2000, usize::try_from(word).expect("small"));
    let (mut records, mut rest) = (Vec::new(), &log[..]);
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[..4].try_into().expect("four bytes"));
        let (record, behind) = rest.split_at(usize::try_from(len).expect("small"));
        let mut record = record.to_vec();
        record[12..16].fill(0);
        if record[4] == 2 {
            record[28..36].fill(0);
        }
        records.push(record);
        rest = behind;
    }
    records
}

#[test]
fn a_master_that_only_declares_makes_no_file_and_its_workers_have_equal_logs() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("metrics");
    let output = declarer(&["preload"], &[("HEADCOUNT_DIR", directory.to_str().expect("UTF-8"))]);
    assert_eq!(reported(&output, "files: "), "0 4");
    let page = page_in(&output);
    for number in 1..20_u32 {
        let plain = page.value(&format!("plain_{number}_total"));
        assert_eq!(plain, Some(f64::from(4 * (number + 1))), "{number}");
    }
    assert_eq!(page.value("plain_0_total"), Some(8.0));
    assert_eq!(page.value("rows_7_total{id=\"a\"}"), Some(44.0));
    let segments = segments(&directory);
    let mut logs: Vec<_> = segments.iter().map(|name| log(&directory.join(name))).collect();
    logs.sort_by_key(Vec::len);
    let longest = logs.last().expect("segments").clone();
    // The master has counted in no row.
    assert_eq!(logs.iter().map(Vec::len).max(), Some(20 * 3 + 2 + 1));
    for log in logs {
        assert!(longest.starts_with(&log), "as far as it goes");
    }
}

#[test]
fn threads_may_declare_while_others_fork() {
    let folder = temporary_directory(Medium::Memory);
    let output = declarer(&["forks", folder.path().to_str().expect("UTF-8")], &[]);
    assert_eq!(reported(&output, "health: "), "None", "{output}");
    let number = |what: &str| reported(&output, what).parse::<f64>().expect("a number");
    let page = page_in(&output);
    assert_eq!(page.at("known_total"), number("counted: ") + 60.0 * 2_000.0);
    assert_eq!(page.at("rows_total{thread=\"kept\"}"), 60.0);
    assert_eq!(page.at("rows_total{thread=\"child\"}"), 60.0);
    assert_eq!(page.at("threads_total"), 60.0);
    for child in 0..60 {
        assert_eq!(page.at(&format!("child_{child}_total")), 1.0);
    }
    let made = page.samples.iter().filter(|(name, _)| name.starts_with("made_"));
    let made: Vec<f64> = made.map(|(_, count)| *count).collect();
    assert_eq!(made.iter().sum::<f64>(), number("declared: "));
    assert!(made.iter().all(|count| *count == 1.0));
}

#[test]
fn ten_thousand_declarations_are_registered_one_by_one() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().to_str().expect("UTF-8");
    let output = declarer(&["many", directory, "10000"], &[]);
    assert_eq!(reported(&output, "families: "), "20002", "{output}");
    // For who changes the figures in the documentation.
    println!("{output}");
}

#[test]
fn one_family_too_many_is_refused() {
    let output = declarer(&["too-many"], &[]);
    let refused = reported(&output, "refused: ");
    assert!(refused.starts_with("more than 100000 families are declared at run time"), "{refused}");
    assert!(refused.contains("`number_100000_total`"), "{refused}");
}

#[test]
fn without_a_directory_or_space_a_declaration_is_what_a_compiled_one_is() {
    let output = declarer(&["alone"], &[]);
    assert_eq!(reported(&output, "private: "), "true");
    assert_eq!(page_in(&output).value("rows_total{a=\"x\"}"), Some(3.0));

    let folder = temporary_directory(Medium::Memory);
    let file = folder.path().join("file");
    let output = declarer(&["missing", file.to_str().expect("UTF-8")], &[]);
    assert_eq!(reported(&output, "init: "), "true");
    let page = output.split_once("page:\n").expect("a page").1;
    let page = Page::parse(page).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((page.value("some_total"), page.value("later_total")), (Some(3.0), Some(4.0)));

    let directory = folder.path().join("metrics");
    let output = declarer(&["small", directory.to_str().expect("UTF-8")], &[]);
    let number = |what: &str| reported(&output, what).parse::<u64>().expect("a number");
    assert!(reported(&output, "problem: ").contains("allocate"), "{output}");
    assert!(number("shown: ") > 500, "{output}");
    assert_eq!(number("shown: ") + number("dropped series: "), 5_000);
    assert_eq!(number("dropped series: "), number("dropped operations: "));
}

#[test]
fn of_a_declaration_and_a_compiled_one_that_comes_later_the_one_in_force_stays() {
    // Only declared when the compiled one comes: that one is in force.
    let output = declarer(&["early"], &[("EARLY", "note")]);
    let page = page_in(&output);
    assert_eq!(page.value("contested"), Some(7.0));
    assert!(reported(&output, "again: ").contains("different modes"), "{output}");

    // It has counted.
    let output = declarer(&["early"], &[("EARLY", "count")]);
    let page = page_in(&output);
    assert_eq!(page.value("contested"), Some(2.0));
    // With another help text, it is another declaration of the family in force.
    assert_eq!(reported(&output, "again: "), "accepted");
    for how in ["note", "count"] {
        let output = declarer(&["early"], &[("EARLY", how)]);
        for what in ["verify: ", "health: "] {
            let reported = reported(&output, what);
            assert!(
                reported.starts_with("`contested` is declared with different modes"),
                "{reported}"
            );
            assert_eq!(reported.matches("declarer.rs:").count(), 2, "{reported}");
        }
        assert_eq!(reported(&output, "dropped series: "), "1");
    }
}
