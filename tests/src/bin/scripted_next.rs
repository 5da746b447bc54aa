//! The next version of the program `scripted`: what it declares otherwise, under the same names.
//! Both run at once while one is replaced by the other.

#![allow(clippy::print_stdout, reason = "it says when something is done")]

use std::env;
use std::io;

use headcount::{Config, Gauge, Histogram, Info, metric};

/// Other buckets in the last version.
#[metric(name = "rebucketed", buckets = [2.0, 4.0, 8.0])]
static REBUCKETED: Histogram;

/// Another mode in the last version.
#[metric(name = "remoded", mode = "max")]
static REMODED: Gauge;

/// Another kind in the last version.
#[metric(name = "rekinded", mode = "sum")]
static REKINDED: Gauge;

/// Stays when a process of the last version has ended.
#[metric(name = "job_info")]
fn job(id: &str) -> Info;

fn main() {
    let directory = env::args().nth(1).expect("a directory");
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    println!("ready");
    for line in io::stdin().lines() {
        let line = line.expect("a line of text");
        let (metric, value) = line.split_once(' ').expect("a metric and a value");
        let number = || value.parse::<f64>().expect("a number");
        match metric {
            "rebucketed" => REBUCKETED.observe(number()),
            "remoded" => REMODED.set(number()),
            "rekinded" => REKINDED.set(number()),
            "job" => job(value).set(),
            _ => panic!("no such command: {line}"),
        }
        println!("done");
    }
}
