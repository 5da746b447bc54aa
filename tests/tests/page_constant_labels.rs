//! Labels and a prefix that a collector adds to what processes counted: the same page otherwise,
//! before compaction and after it, and what clashes is reported.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount::{Collector, Snapshot};
use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory, within};

fn remains(arguments: &[&str]) -> Child {
    Child::start(Command::new(env!("CARGO_BIN_EXE_remains")).args(arguments))
}

/// The samples, without those of the collector, which depend on the time.
fn page(snapshot: &Snapshot) -> Page {
    let text = snapshot.to_text();
    let mut page = Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    page.samples.retain(|name, _| !name.starts_with("headcount_"));
    page.types.retain(|name, _| !name.starts_with("headcount_"));
    page
}

/// A sample's key with the labels that the collector adds to a family without one of that name.
fn labelled(key: &str) -> String {
    let (name, labels) = key
        .split_once('{')
        .map_or((key, ""), |(name, rest)| (name, rest.strip_suffix('}').expect("the labels' end")));
    let mut labels: Vec<&str> = labels.split("\",").filter(|label| !label.is_empty()).collect();
    let mut added = vec!["region=\"eu"];
    added.extend(
        ["queue=\"of the place"].into_iter().filter(|_| !OWN_QUEUE.contains(&family(name))),
    );
    labels.extend(added);
    let mut labels: Vec<String> =
        labels.iter().map(|label| format!("{}\"", label.trim_end_matches('"'))).collect();
    labels.sort();
    format!("acme_{name}{{{}}}", labels.join(","))
}

/// Families that have a label `queue` themselves.
const OWN_QUEUE: [&str; 4] = ["native_seconds", "queue_level", "queue_size_bytes", "steps_total"];

fn family(sample: &str) -> &str {
    let ends = ["_bucket", "_sum", "_count"];
    let stem = ends.iter().find_map(|end| sample.strip_suffix(end));
    stem.filter(|stem| OWN_QUEUE.contains(stem)).unwrap_or(sample)
}

fn assert_labelled(directory: &Path, live: &str) {
    let plain = Collector::from_directory(directory).auto_compact(false);
    let plain = page(&plain.collect().expect("a snapshot"));
    assert!(plain.samples.len() > 60, "{plain:#?}");
    let collector = Collector::from_directory(directory)
        .auto_compact(false)
        .label("region", "us")
        .label("region", "eu")
        .label("queue", "of the place")
        .label("__name__", "x")
        .label("gone", "x")
        .label("gone", "")
        .prefix("acme");
    let snapshot = collector.collect().expect("a snapshot");
    let labelled_page = page(&snapshot);
    for (key, value) in &plain.samples {
        let key = labelled(key);
        let found = labelled_page.value(&key).unwrap_or_else(|| panic!("{key}, {live}"));
        assert_eq!(found.to_bits(), value.to_bits(), "{key}, {live}");
    }
    assert_eq!(labelled_page.samples.len(), plain.samples.len());

    let told: Vec<String> = snapshot.skipped().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1 + OWN_QUEUE.len(), "{told:#?}");
    assert!(told[0].contains("the collector's label `__name__` is left out"), "{told:#?}");
    for family in OWN_QUEUE {
        let says = format!("`{family}` keeps its own label `queue`; the collector's is left out");
        assert!(told.iter().any(|told| told.contains(&says)), "{says}: {told:#?}");
    }

    // In every format, and by either name.
    let text = |accept: &str| {
        let page = snapshot.render(accept);
        String::from_utf8_lossy(page.body()).into_owned()
    };
    let made = "acme_made_total{queue=\"of the place\",region=\"eu\"} ";
    assert!(text("application/openmetrics-text;version=1.0.0").contains(made));
    assert!(text("text/plain;version=1.0.0").contains(made));
    assert!(text("application/json").contains("\"acme_made_total\""));
    for name in ["acme_made_total", "made_total"] {
        let named = collector.clone().self_metrics(false).names([name]).collect();
        let named = page(&named.expect("a snapshot"));
        assert_eq!(named.samples.len(), 1, "{named:#?}");
        assert!(named.samples.keys().all(|key| key.starts_with("acme_made_total{")));
    }
}

#[test]
fn a_collectors_labels_and_prefix_are_on_all_that_was_counted() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let path = directory.to_str().expect("UTF-8");
    for n in ["3", "4", "7"] {
        let mut dead = remains(&["count", path, n]);
        assert!(within(Duration::from_secs(120), "it counts", || dead.ended()).success());
    }
    let living = remains(&["hold", path, "5"]);
    eventually("it has counted", || living.output().contains("ready\n").then_some(()));
    assert_labelled(directory, "before compaction");
    let compact = || Collector::from_directory(directory).compact().ok();
    assert_eq!(eventually("it is compacted", compact).segments(), 3);
    assert_labelled(directory, "after compaction");
    drop(living);
}
