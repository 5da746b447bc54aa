//! A program under test that is instrumented with the facade `metrics` only. It counts the same
//! load as `facade_compiled`.

#![expect(clippy::print_stdout, reason = "prints the page")]

use std::env;
use std::process::Command;

use headcount::{Collector, Config, GaugeMode};
use headcount_metrics::{Builder, Matcher};
use headcount_tests::load::{Counts, prefork, work};
use headcount_tests::program::this_program;

struct Facade;

impl Counts for Facade {
    fn plain(&self, n: u64) {
        metrics::counter!("plain").increment(n);
    }

    fn call(&self, route: &str, method: &str, n: u64) {
        // In any order.
        let (route, method) = (route.to_owned(), method.to_owned());
        if n % 2 == 0 {
            metrics::counter!("calls", "route" => route, "method" => method).increment(n);
        } else {
            metrics::counter!("calls", "method" => method, "route" => route).increment(n);
        }
    }

    fn depth(&self, queue: &str, depth: f64) {
        metrics::gauge!("depth", "queue" => queue.to_owned()).set(depth);
    }

    fn took(&self, route: &str, seconds: f64) {
        metrics::histogram!("took_seconds", "route" => route.to_owned()).record(seconds);
    }

    fn size(&self, bytes: f64) {
        metrics::histogram!("size_bytes").record(bytes);
    }
}

fn main() {
    let directory = env::args().nth(1).expect("a directory");
    headcount::init(Config::new().directory(&directory)).expect("the directory is fit");
    let recorder = Builder::new()
        .gauge_mode(Matcher::Full("depth".into()), GaugeMode::Sum)
        .buckets(Matcher::Suffix("_bytes".into()), [10.0, 1000.0]);
    recorder.install().expect("the only one");
    if env::args().nth(2).is_some() {
        return work(&Facade, 9);
    }
    metrics::describe_counter!("plain", "Described before.");
    metrics::describe_gauge!("depth", "Depths.");
    metrics::describe_histogram!("took_seconds", metrics::Unit::Seconds, "How long.");
    metrics::describe_histogram!("size_bytes", metrics::Unit::Bytes, "How large.");
    let mut again = Command::new(this_program());
    again.args([&directory, "again"]);
    prefork(&Facade, again);
    // Described when it is long in use.
    metrics::describe_counter!("calls", "Calls, by route.");
    // A handle that is kept.
    metrics::counter!("plain").increment(1);
    print!("{}", Collector::new().collect().expect("a snapshot").to_text());
}
