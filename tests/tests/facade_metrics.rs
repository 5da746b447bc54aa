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

#[test]
fn what_was_removed_is_made_anew_in_every_thread() {
    let recorder = headcount_metrics::Builder::new().build();
    let record = |times: u64| {
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("moves", "arm" => "left").increment(times);
            metrics::gauge!("angle", "arm" => "left").set(1.5);
            metrics::histogram!("reach", "arm" => "left").record(0.25);
        });
    };
    let value = |name| {
        let snapshot = headcount::Collector::new().collect().expect("a snapshot");
        snapshot.value(name, &[("arm", "left")])
    };
    let (to_other, orders) = std::sync::mpsc::channel::<u64>();
    let (to_us, done) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for times in orders {
                record(times);
                to_us.send(()).expect("we wait");
            }
        });
        // Both threads have the handles.
        record(1);
        to_other.send(10).expect("it waits");
        done.recv().expect("it records");
        for name in ["moves_total", "angle", "reach"] {
            assert_eq!(headcount::remove_matching(name, &[]), 1, "{name}");
        }
        assert_eq!(value("moves_total"), None);
        record(2);
        to_other.send(20).expect("it waits");
        done.recv().expect("it records");
        drop(to_other);
    });
    assert_eq!(value("moves_total"), Some(22.0));
    assert_eq!((value("angle"), value("reach_count")), (Some(1.5), Some(2.0)));
    assert_eq!(headcount::health().dropped_operations(), 0);
}
