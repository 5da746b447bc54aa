//! A program under test that declares its metrics at run time: see `metrics_dynamic.rs`.
//!
//! ```text
//! declarer preload                   a master that only declares, and four workers that count
//! declarer forks DIRECTORY           60 forks under 4 threads that declare and count
//! declarer many DIRECTORY NUMBER     so many declarations, before and behind the first operation
//! declarer too-many                  one more than there may be
//! declarer alone                     without a directory
//! declarer missing DIRECTORY         with one that can't be made
//! declarer small DIRECTORY           until there is no space
//! declarer misuse                    gives wrong numbers of label values
//! declarer early                     a constructor declares what `main` contradicts
//! ```
//!
//! `EARLY=note` lets the constructor declare, and `EARLY=count` lets it count as well.

#![expect(clippy::print_stdout, reason = "it tells what it has found")]
#![expect(unsafe_code, reason = "forks, and a constructor")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use headcount::dynamic::{self, Family};
use headcount::{Collector, Config, Counter, Gauge, GaugeMode, SegmentSize, metric};
use headcount_tests::child::{ended_well, forked};

/// Compiled, and declared otherwise by the constructor.
#[metric(name = "contested", mode = "livemax")]
static CONTESTED: Gauge;

extern "C" fn constructor() {
    #[expect(clippy::disallowed_methods, reason = "arguments are not there yet")]
    let how = env::var("EARLY").unwrap_or_default();
    if how.is_empty() {
        return;
    }
    let early = dynamic::gauge("contested", "Declared early.", GaugeMode::LiveSum);
    let early = early.register().expect("nothing contradicts it yet");
    if how == "count" {
        early.set(2);
    }
}

/// Those with a number run before all that have none.
#[used]
// SAFETY: a function without arguments, which the loader calls once.
#[unsafe(link_section = ".init_array.00200")]
static CONSTRUCTOR: extern "C" fn() = constructor;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["preload"] => preload(),
        ["forks", directory] => forks(directory),
        ["many", directory, number] => many(directory, number.parse().expect("a number")),
        ["too-many"] => too_many(),
        ["alone"] => alone(),
        ["missing", directory] => missing(directory),
        ["small", directory] => small(directory),
        ["misuse"] => misuse(),
        ["early"] => early(),
        _ => panic!("{arguments:?}"),
    }
}

fn page() -> String {
    let snapshot = Collector::new().collect().expect("a snapshot");
    for skipped in snapshot.skipped() {
        println!("skipped: {skipped}");
    }
    snapshot.to_text()
}

/// A plain counter and a family, declared in an order that depends on `order`.
fn declare(order: u32) -> (Vec<Counter>, Vec<Family<Counter>>) {
    let mut numbers: Vec<u32> = (0..20).collect();
    numbers.rotate_left(order as usize);
    if order % 2 == 1 {
        numbers.reverse();
    }
    let mut declared = numbers.iter().map(|number| {
        let counter = dynamic::counter(format!("plain_{number}_total"), "Plain.");
        let rows = dynamic::counter(format!("rows_{number}_total"), "Rows.").labels(["id"]);
        let counter = counter.declared_at("plain.toml", *number).register().expect("right");
        let rows = rows.declared_at("rows.toml", *number).register_family().expect("right");
        (*number, counter, rows)
    });
    let mut declared: Vec<_> = declared.by_ref().collect();
    declared.sort_by_key(|(number, ..)| *number);
    declared.into_iter().map(|(_, counter, rows)| (counter, rows)).unzip()
}

/// The directory is that of `HEADCOUNT_DIR`: `init` would make a segment.
fn preload() {
    let directory = Config::new().resolved_directory().expect("HEADCOUNT_DIR");
    let segments = || fs::read_dir(&directory).map_or(0, Iterator::count);
    let (counters, rows) = declare(3);
    let before = segments();
    let children: Vec<_> = (0..4_u32)
        .map(|worker| {
            forked(|| {
                // Again and in another order: the known families.
                let (again, rows_again) = declare(worker);
                for (number, counter) in (1..).zip(&counters) {
                    counter.inc_by(number);
                }
                again[0].inc();
                rows[7].with_label_values(&["a"]).inc();
                rows_again[7].with_label_values(&["a"]).inc_by(10);
            })
        })
        .collect();
    for child in children {
        ended_well(child).expect("a worker");
    }
    println!("files: {before} {}", segments());
    print!("page:\n{}", page());
}

fn forks(directory: &str) {
    const THREADS: usize = 4;
    const FORKS: u64 = 60;
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    let known = dynamic::counter("known_total", "From before.").register().expect("right");
    let rows = dynamic::counter("rows_total", "Rows.").labels(["thread"]).max_series(100_000);
    let rows = rows.register_family().expect("right");
    let kept = rows.with_label_values(&["kept"]);
    let stop = AtomicBool::new(false);
    let (declared, counted) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (stop, declared, counted) = (&stop, &declared, &counted);
            scope.spawn(move || {
                let mut number = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    let name = format!("made_{thread}_{number}_total");
                    let own = dynamic::counter(name, "Made.").labels(["a", "b"]);
                    let own = own.register_family().expect("right");
                    own.with_label_values(&["x", "y"]).inc();
                    rows.with_label_values(&[&thread.to_string()]).inc();
                    known.inc();
                    number += 1;
                    declared.fetch_add(1, Ordering::Relaxed);
                    counted.fetch_add(1, Ordering::Relaxed);
                    // Some hundred in all: the test is of forks.
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        for number in 0..FORKS {
            let child = forked(|| {
                known.inc_by(1_000);
                kept.inc();
                rows.with_label_values(&["child"]).inc();
                let again = dynamic::counter("known_total", "From before.").register();
                again.expect("the known one").inc_by(1_000);
                let own = dynamic::counter(format!("child_{number}_total"), "Made.").register();
                own.expect("right").inc();
                let in_thread = thread::spawn(|| {
                    let all = dynamic::counter("threads_total", "In threads of children.");
                    all.register().expect("right").inc();
                });
                in_thread.join().expect("it doesn't panic");
            });
            ended_well(child).unwrap_or_else(|status| panic!("child {number}: {status}"));
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("declared: {}", declared.load(Ordering::Relaxed));
    println!("counted: {}", counted.load(Ordering::Relaxed));
    println!("health: {:?}", headcount::health().problem().map(ToString::to_string));
    print!("page:\n{}", page());
}

#[expect(clippy::cast_precision_loss, reason = "some seconds")]
fn many(directory: &str, number: u64) {
    fn declare(from: u64, number: u64) -> f64 {
        let began = Instant::now();
        for number in from..from + number {
            let name = format!("number_{number}_total");
            let family = dynamic::counter(name, "One of many.").labels(["a"]).register_family();
            assert!(family.is_ok());
        }
        began.elapsed().as_secs_f64() * 1e6 / number as f64
    }
    let memory = || {
        let status = fs::read_to_string("/proc/self/status").expect("there is /proc");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let at_first = memory();
    println!("noted: {:.2} us each", declare(0, number));
    let began = Instant::now();
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    println!("first operation: {:.2} ms", began.elapsed().as_secs_f64() * 1e3);
    println!("live: {:.2} us each", declare(number, number));
    println!("again: {:.2} us each", declare(0, number));
    let rows = dynamic::counter("rows_total", "Rows.").labels(["a"]).max_series(1_000_000);
    let rows = rows.register_family().expect("right");
    let began = Instant::now();
    for number in 0..number {
        rows.with_label_values(&[&number.to_string()]).inc();
    }
    println!("a new row: {:.2} us", began.elapsed().as_secs_f64() * 1e6 / number as f64);
    println!("memory: {} KiB", memory() - at_first);
    let child = forked(|| {
        let before = memory();
        let began = Instant::now();
        rows.with_label_values(&["0"]).inc();
        println!("in a child: {:.2} ms", began.elapsed().as_secs_f64() * 1e3);
        println!("memory of the child: {} KiB", memory().saturating_sub(before));
    });
    ended_well(child).expect("the child");
    println!("families: {}", Collector::new().declarations().expect("a list").len());
}

fn too_many() {
    let declare =
        |number: u32| dynamic::counter(format!("number_{number}_total"), "One of many.").register();
    for number in 0..100_000 {
        let _ = declare(number).expect("not too many");
    }
    let error = declare(100_000).expect_err("one too many");
    assert!(error.is_limit(), "{error}");
    println!("refused: {error}");
    // A known one is still given.
    assert!(declare(99_999).is_ok());
}

fn alone() {
    let rows = dynamic::counter("rows_total", "Rows.").labels(["a"]).register_family();
    rows.expect("right").with_label_values(&["x"]).inc_by(3);
    println!(
        "private: {}",
        headcount::health().problem().is_some_and(headcount::Error::is_private)
    );
    print!("page:\n{}", page());
}

fn missing(directory: &str) {
    // A file stands where the directory would be made.
    fs::write(directory, "").expect("written");
    let counter = dynamic::counter("some_total", "Some.").register().expect("no matter where");
    let refused = headcount::init(Config::new().directory(format!("{directory}/in/it")));
    println!("init: {}", refused.is_err());
    counter.inc_by(3);
    let later = dynamic::counter("later_total", "Later.").register().expect("no matter where");
    later.inc_by(4);
    print!("page:\n{}", page());
}

/// The smallest segment has space for some thousand series.
fn small(directory: &str) {
    let config = Config::new().directory(directory).segment_size(SegmentSize::Tiny);
    headcount::init(config).expect("the directory is fit");
    let mut counters = Vec::new();
    for number in 0..5_000_u64 {
        let name = format!("number_{number}_total");
        // Never an error: as of a compiled metric, `health` reports it.
        let counter = dynamic::counter(name, "One of many.").register();
        counters.push(counter.expect("no error"));
    }
    for counter in &counters {
        counter.inc();
    }
    let health = headcount::health();
    println!("problem: {}", health.problem().expect("there was no space"));
    println!("dropped series: {}", health.dropped_series());
    println!("dropped operations: {}", health.dropped_operations());
    let page = page();
    println!("shown: {}", page.lines().filter(|line| line.starts_with("number_")).count());
}

fn misuse() {
    headcount::init(Config::new().required(false)).expect("it needs no directory");
    let rows = dynamic::counter("rows_total", "Rows.").labels(["a", "b"]).register_family();
    let rows = rows.expect("right");
    rows.with_label_values(&["1", "2"]).inc();
    let dead = rows.with_label_values(&["1"]);
    dead.inc();
    dead.inc_by(5);
    let error = rows.get_metric_with_label_values(&["1", "2", "3"]).expect_err("too many");
    println!("error: {error}");
    println!("problem: {}", headcount::health().problem().expect("reported"));
    println!("dropped operations: {}", headcount::health().dropped_operations());
    print!("page:\n{}", page());
}

fn early() {
    CONTESTED.set(7);
    let again = dynamic::gauge("contested", "Declared again.", GaugeMode::LiveSum).register();
    println!("again: {}", again.map_or_else(|e| e.to_string(), |_| "accepted".to_owned()));
    println!("verify: {}", headcount::verify().expect_err("they contradict each other"));
    println!("health: {}", headcount::health().problem().expect("reported"));
    println!("dropped series: {}", headcount::health().dropped_series());
    print!("page:\n{}", page());
}
