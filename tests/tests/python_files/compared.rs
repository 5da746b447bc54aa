//! Random directories of five versions of `prometheus_client`, beside what its own collector makes
//! of them; and its own tests, with this library's reader in the place of its collector.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount::python::merge;
use headcount::{Collector, MetricFamily, Value};
use headcount_tests::child::output_of;
use headcount_tests::random::Random;
use headcount_tests::{Medium, peer, temporary_directory};
use serde_json::Value as Json;

const DIRECTORIES: usize = 200;

/// Name, labels and value.
type Sample = (String, BTreeMap<String, String>, f64);

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn random_directories_of_0_16_0_are_merged_as_it_merges_them() {
    compare("0.16.0");
}

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn random_directories_of_0_17_1_are_merged_as_it_merges_them() {
    compare("0.17.1");
}

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn random_directories_of_0_18_0_are_merged_as_it_merges_them() {
    compare("0.18.0");
}

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn random_directories_of_0_22_1_are_merged_as_it_merges_them() {
    compare("0.22.1");
}

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn random_directories_of_0_26_0_are_merged_as_it_merges_them() {
    compare("0.26.0");
}

fn compare(version: &str) {
    let folder = temporary_directory(Medium::Memory);
    let seed = Random::seeded().seed();
    let client =
        peer("python").ancestors().nth(3).unwrap().join(format!("python-client-{version}"));
    assert!(client.is_dir(), "{} is missing: run tests/run", client.display());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python_files/directories.py");
    let mut command = Command::new(peer("python"));
    command.env("PYTHONPATH", client).arg(script).arg(folder.path());
    command.arg(DIRECTORIES.to_string()).arg(seed.to_string());
    let told = output_of(&mut command, Duration::from_secs(60));
    let told: Vec<Json> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), DIRECTORIES);
    let mut samples = 0;
    for (number, expected) in told.iter().enumerate() {
        let directory = folder.path().join(number.to_string());
        // Earlier ones print all sums first.
        samples += compare_one(&directory, expected, version == "0.26.0");
    }
    assert!(samples > 2000, "{samples} samples are too few to be a comparison");
}

/// Returns the number of samples.
fn compare_one(directory: &Path, expected: &Json, in_order: bool) -> usize {
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let merged = merge(&files, true);
    assert!(merged.skipped.is_empty(), "{:?}", merged.skipped);
    let snapshot = Collector::from_directory(directory).self_metrics(false).collect().unwrap();
    let conflicts = snapshot.skipped().iter().filter(|e| !e.is_conflict());
    assert_eq!(conflicts.count(), 0, "{:?}", snapshot.skipped());
    let expected = expected.as_array().unwrap();
    assert_eq!(merged.families.len(), expected.len(), "{}", directory.display());
    let mut number = 0;
    for (family, expected) in merged.families.iter().zip(expected) {
        let text = |at: usize| expected[at].as_str().unwrap();
        let ours = (&*family.name, &*family.help, &*family.kind.to_string());
        assert_eq!(ours, (text(0), text(1), text(2)), "{}", directory.display());
        let order = |a: &Sample, b: &Sample| (&a.0, &a.1).cmp(&(&b.0, &b.1));
        let mut told: Vec<Sample> = expected[3].as_array().unwrap().iter().map(sample).collect();
        let mut ours: Vec<Sample> = family
            .samples
            .iter()
            .map(|s| (s.name.clone(), s.labels.iter().cloned().collect(), s.value))
            .collect();
        if !in_order {
            ours.sort_by(order);
            told.sort_by(order);
        }
        assert_same(&ours, &told, directory);
        let name =
            if text(2) == "counter" { format!("{}_total", text(0)) } else { text(0).to_owned() };
        let shown = snapshot.families().iter().find(|family| family.name == name);
        let shown = shown.unwrap_or_else(|| panic!("{name} is missing in {}", directory.display()));
        assert_eq!((&*shown.help, &*shown.kind.to_string()), (text(1), text(2)));
        let mut shown = samples(shown);
        for (_, labels, _) in &mut told {
            labels.retain(|_, value| !value.is_empty());
            if let Some(le) = labels.get_mut("le").filter(|_| text(2) == "histogram") {
                *le = le.parse::<f64>().unwrap().to_string();
            }
        }
        shown.sort_by(order);
        told.sort_by(order);
        assert_same(&shown, &told, directory);
        number += told.len();
    }
    number
}

fn sample(json: &Json) -> Sample {
    let labels = json[1].as_array().unwrap().iter();
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    let labels = labels.map(|label| (text(&label[0]), text(&label[1]))).collect();
    (text(&json[0]), labels, text(&json[2]).parse().unwrap())
}

/// The samples of a family on a page.
fn samples(family: &MetricFamily) -> Vec<Sample> {
    let mut all = Vec::new();
    for series in &family.series {
        let labels: BTreeMap<String, String> = series.labels.clone().into_iter().collect();
        let mut add = |ending: &str, more: Option<(&str, String)>, value: f64| {
            let mut labels = labels.clone();
            labels.extend(more.map(|(name, value)| (name.to_owned(), value)));
            all.push((format!("{}{ending}", family.name), labels, value));
        };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        match &series.value {
            Value::Counter(number) => add("", None, number.as_f64()),
            Value::Gauge(value) => add("", None, *value),
            Value::Summary(value) => {
                add("_sum", None, value.sum);
                add("_count", None, value.count as f64);
            }
            Value::Histogram(value) => {
                add("_sum", None, value.sum);
                add("_count", None, value.count() as f64);
                for bucket in &value.buckets {
                    add("_bucket", Some(("le", bucket.le.to_string())), bucket.count as f64);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    all
}

#[track_caller]
fn assert_same(ours: &[Sample], told: &[Sample], directory: &Path) {
    assert_eq!(ours.len(), told.len(), "{}: {ours:?}\n{told:?}", directory.display());
    for ((name, labels, value), (told_name, told_labels, told)) in ours.iter().zip(told) {
        assert_eq!((name, labels), (told_name, told_labels), "{}", directory.display());
        // This library's sums are exact; Python's are those of the order of the files.
        let is_same = value.total_cmp(told).is_eq()
            || value.is_nan() && told.is_nan()
            || (value - told).abs() <= told.abs() * 1e-12;
        assert!(is_same, "{name} {labels:?}: {value} and {told} in {}", directory.display());
    }
}

/// All 33, of which some do not read files: those play the writer.
#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn the_clients_own_tests_pass_with_this_reader() {
    let peers = peer("python").ancestors().nth(3).unwrap().to_owned();
    let sources = peers.join("python-client-tests");
    assert!(sources.is_dir(), "{} is missing: run tests/run", sources.display());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python_files/their_tests.py");
    let mut command = Command::new(peer("python"));
    command.env("PYTHONPATH", peers.join("python-client-0.26.0")).arg(script);
    command.arg(env!("CARGO_BIN_EXE_python_merge")).arg(sources);
    let output = output_of(&mut command, Duration::from_secs(60));
    let told = output.lines().last().unwrap();
    assert!(told.starts_with("ran 33, skipped 0, merged "), "{output}");
    let merged: u32 = told.split(' ').nth(5).unwrap().parse().unwrap();
    assert!(merged > 30, "{output}");
}
