//! What the dead have counted is compacted into one file, and no number changes; a collection costs
//! what the living cost, however many have come and gone.

mod collections;
mod equal;
mod living;
mod rivals;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount::{Collector, Compacted, MetricFamily, Value};
use headcount_tests::child::{Child, output_of};
use headcount_tests::eventually;
use headcount_tests::files::{ARCHIVE, LOCK, text};

fn remains(arguments: &[&str]) -> Child {
    Child::start(Command::new(env!("CARGO_BIN_EXE_remains")).args(arguments))
}

#[track_caller]
fn run(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_remains");
    output_of(Command::new(program).args(arguments), Duration::from_secs(300))
}

/// A process that has counted something of every kind, and has ended.
fn count(directory: &Path, n: u32) {
    run(&["count", text(directory), &n.to_string()]);
}

/// One that has counted, and lives.
fn hold(directory: &Path, n: u32) -> Child {
    let child = remains(&["hold", text(directory), &n.to_string()]);
    eventually("it has counted", || child.output().contains("ready").then_some(()));
    child
}

/// What was counted, with everything that is known of it; without what the collector tells of
/// itself.
#[track_caller]
fn counted(directory: &Path) -> Vec<MetricFamily> {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let mut families = snapshot.families().to_vec();
    families.retain(|f| !f.name.starts_with("headcount_") && !f.series.is_empty());
    families
}

/// A gauge of the collector's own.
#[track_caller]
fn about(directory: &Path, name: &str, label: Option<&str>) -> f64 {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    let family = snapshot.families().iter().find(|family| family.name == name).expect("a family");
    let is_meant = |labels: &headcount::LabelSet| {
        label.is_none_or(|label| labels.iter().any(|(_, value)| value == label))
    };
    let series = family.series.iter().find(|series| is_meant(&series.labels)).expect("a series");
    match series.value {
        Value::Gauge(value) => value,
        ref other => panic!("{other:?}"),
    }
}

#[track_caller]
fn compact(directory: &Path) -> usize {
    let compacted = compacted(directory);
    assert!(compacted.skipped().is_empty(), "{:?}", compacted.skipped());
    compacted.segments()
}

#[track_caller]
fn compacted(directory: &Path) -> Compacted {
    Collector::from_directory(directory).compact().expect("it is ours")
}
