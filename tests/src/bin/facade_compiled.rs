//! A program under test that counts the load of `facade` with metrics that `#[metric]` declares.

#![expect(clippy::print_stdout, reason = "prints the page")]

use std::env;
use std::process::Command;

use headcount::{Collector, Config, Counter, Gauge, Histogram, metric};
use headcount_tests::load::{Counts, prefork, work};
use headcount_tests::program::this_program;

/// Described before.
#[metric(name = "plain_total")]
static PLAIN: Counter;

/// Calls, by route.
#[metric(name = "calls_total")]
fn calls(method: &str, route: &str) -> Counter;

/// Depths.
#[metric(name = "depth", mode = "sum")]
fn depths(queue: &str) -> Gauge;

/// How long.
#[metric(name = "took_seconds")]
fn took(route: &str) -> Histogram;

/// How large.
#[metric(name = "size_bytes", buckets = [10.0, 1000.0])]
static SIZE: Histogram;

struct Compiled;

impl Counts for Compiled {
    fn plain(&self, n: u64) {
        PLAIN.inc_by(n);
    }

    fn call(&self, route: &str, method: &str, n: u64) {
        calls(method, route).inc_by(n);
    }

    fn depth(&self, queue: &str, depth: f64) {
        depths(queue).set(depth);
    }

    fn took(&self, route: &str, seconds: f64) {
        took(route).observe(seconds);
    }

    fn size(&self, bytes: f64) {
        SIZE.observe(bytes);
    }
}

fn main() {
    let directory = env::args().nth(1).expect("a directory");
    headcount::init(Config::new().directory(&directory)).expect("the directory is fit");
    if env::args().nth(2).is_some() {
        return work(&Compiled, 9);
    }
    let mut again = Command::new(this_program());
    again.args([&directory, "again"]);
    prefork(&Compiled, again);
    PLAIN.inc();
    print!("{}", Collector::new().collect().expect("a snapshot").to_text());
}
