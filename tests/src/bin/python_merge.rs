//! Merges files of Python's `prometheus_client`, and prints the families as JSON: for its own
//! tests, which take this in the place of its collector.
//!
//! ```text
//! python_merge accumulated|as-they-are FILE ..
//! ```
#![expect(clippy::print_stdout, reason = "what it is for")]

use headcount::python::{Family, Sample, merge};
use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (how, files) = arguments.split_first().expect("how to merge");
    let merged = merge(files, how == "accumulated");
    let families: Vec<Value> = merged.families.iter().map(family).collect();
    let skipped: Vec<String> = merged.skipped.iter().map(ToString::to_string).collect();
    println!("{}", json!({ "families": families, "skipped": skipped }));
}

fn family(family: &Family) -> Value {
    let samples: Vec<Value> = family.samples.iter().map(sample).collect();
    json!({
        "name": family.name,
        "help": family.help,
        "type": family.kind.to_string(),
        "samples": samples,
    })
}

/// The value as text, since JSON has no infinities.
fn sample(Sample { name, labels, value, .. }: &Sample) -> Value {
    json!([name, labels, value.to_string()])
}
