//! A program under test with native histograms. Its arguments are `obey` and a directory; a third
//! one is the size of its segment. It does what it is told, line by line, and answers each line.

#![allow(clippy::print_stdout, reason = "the answers")]

use std::io::{BufRead, Write};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use headcount::{Config, Histogram, SegmentSize, dynamic, metric, timed};
use headcount_tests::child::in_child;
use headcount_tests::random::Random;

/// Plain values.
#[metric(name = "plain_bytes", native)]
static PLAIN: Histogram;
/// Of the coarsest schema.
#[metric(name = "coarse_bytes", native(schema = 0))]
static COARSE: Histogram;
/// Of the finest schema, which takes the most blocks.
#[metric(name = "fine_bytes", native(schema = 5))]
fn fine(queue: &str) -> Histogram;

/// A function whose durations are native.
#[timed(name = "work_seconds", native(schema = 2), outcome)]
fn work(fails: bool) -> Result<(), ()> {
    if fails { Err(()) } else { Ok(()) }
}

/// Of rows that have a series for each outcome.
#[timed(name = "job_seconds", native(schema = 1), outcome, labels(queue))]
fn job(queue: &str, fails: bool) -> Result<(), ()> {
    if fails { Err(()) } else { Ok(()) }
}

#[timed(metric = PLAIN)]
fn on_metric() {}

/// Of the schema that this version of the program declares.
static MIXED: OnceLock<Histogram> = OnceLock::new();

fn main() {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let mut config = Config::new().directory(&arguments[0]);
    if let Some(size) = arguments.get(1) {
        assert_eq!(size, "tiny");
        config = config.segment_size(SegmentSize::Tiny);
    }
    headcount::init(config).expect("a fit directory");
    for line in std::io::stdin().lock().lines() {
        println!("{}", obey(&line.expect("a line")));
        std::io::stdout().flush().expect("someone listens");
    }
}

/// Values that only depend on the seed.
fn observe(seed: u64, count: u64) {
    let mut random = Random::of(seed);
    for _ in 0..count {
        let value = headcount_tests::native::value(&mut random);
        PLAIN.observe(value);
        COARSE.observe(value);
        fine(if seed % 2 == 0 { "even" } else { "odd" }).observe(value);
    }
}

fn obey(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().expect("a number");
    match words[0] {
        "observe" => observe(number(1), number(2)),
        "threads" => {
            let (seed, count) = (number(1), number(2));
            let both = [seed, seed + 1].map(|seed| thread::spawn(move || observe(seed, count)));
            for thread in both {
                thread.join().expect("it ends");
            }
        }
        "fork" => in_child(|| observe(number(1), number(2))),
        "declare" => {
            let schema = u8::try_from(number(1)).expect("a schema");
            let mixed = dynamic::histogram("mixed_bytes", "Mixed.").native(schema).register();
            MIXED.set(mixed.expect("it is declared")).expect("declared once");
        }
        "mix" => {
            let mut random = Random::of(number(1));
            let mixed = MIXED.get().expect("declared before");
            (0..number(2)).for_each(|_| mixed.observe(headcount_tests::native::value(&mut random)));
        }
        "work" => {
            for n in 0..number(1) {
                let _ = work(n % 4 == 0);
                on_metric();
            }
        }
        "odd" => {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e-300] {
                COARSE.observe(value);
            }
            COARSE.observe(Duration::from_millis(1500));
        }
        // Until it is killed; the seed is that of the values.
        "flood" => {
            println!("flooding");
            std::io::stdout().flush().expect("someone listens");
            for seed in 0.. {
                observe(seed, 50);
            }
        }
        "queue" => fine(words[1]).observe(words[2].parse::<f64>().expect("a number")),
        "job" => {
            let _ = job(words[1], words[2] == "fails");
        }
        "no-job" => {
            let removed = headcount::remove_matching("job_seconds", &[("queue", words[1])]);
            return removed.to_string();
        }
        "remove" => return fine(words[1]).remove().to_string(),
        "health" => {
            return headcount::health().problem().map_or_else(String::new, ToString::to_string);
        }
        other => panic!("{other}"),
    }
    "done".to_owned()
}
