//! Uses the library as a program does, from many threads at once: handles, shards, the mutex, rows,
//! and a collector at the same time. Under miri the memory comes from the allocator, there are
//! fewer shards than threads, and miri checks every access.

use core::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::guard::Guard;
use crate::Collector;
use crate::Counter;
use crate::Gauge;
use crate::Histogram;
use crate::Number;
use crate::Snapshot;
use crate::Value;
use crate::metric;
use crate::segment::tests::OFTEN;
use crate::timed;

/// Counted.
#[metric(name = "crowd_counted_total")]
static COUNTED: Counter;
/// Added.
#[metric(name = "crowd_added_total")]
static ADDED: Counter<f64>;
/// Observed.
#[metric(name = "crowd_sizes", buckets = [1.0, 2.0])]
static SIZES: Histogram;
/// Here now.
#[metric(name = "crowd_present", mode = "sum")]
static PRESENT: Gauge;
/// Set last.
#[metric(name = "crowd_latest", mode = "mostrecent")]
static LATEST: Gauge;
/// Rows that threads find at the same time.
#[metric(name = "crowd_rows_total")]
fn rows(group: &str, number: u32) -> Counter;
/// Rows that are removed.
#[metric(name = "crowd_passing_total")]
fn passing(number: u32) -> Counter;
/// By threads that follow each other.
#[metric(name = "crowd_followed_total")]
static FOLLOWED: Counter;

#[timed(name = "crowd_call_seconds", buckets = [1000.0])]
fn call() {}

fn values(snapshot: &Snapshot, name: &str) -> Vec<Value> {
    let family = snapshot.families().iter().find(|family| family.name == name);
    let series = family.into_iter().flat_map(|family| &family.series);
    series.map(|series| series.value.clone()).collect()
}

/// The total of a family whose series only grow.
fn total(snapshot: &Snapshot, name: &str) -> f64 {
    let number = |value| match value {
        Value::Counter(number) => number.as_f64(),
        Value::Gauge(number) => number,
        Value::Histogram(histogram) => histogram
            .buckets
            .iter()
            .fold(0.0, |sum, bucket| sum + Number::Integer(bucket.count).as_f64()),
        Value::Summary(summary) => Number::Integer(summary.count).as_f64(),
    };
    values(snapshot, name).into_iter().map(number).sum()
}

fn collected() -> Snapshot {
    let snapshot = Collector::new().collect().unwrap();
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    snapshot
}

/// Repeats as long as there is time; under miri, where a collection takes seconds, a few times.
fn until(is_over: &AtomicBool) -> impl Iterator<Item = u32> {
    let most = if cfg!(miri) { 3 } else { u32::MAX };
    (0..most).take_while(|_| !is_over.load(Ordering::Relaxed))
}

const NAMES: [&str; 7] = [
    "crowd_counted_total",
    "crowd_added_total",
    "crowd_sizes",
    "crowd_present",
    "crowd_latest",
    "crowd_rows_total",
    "crowd_call_seconds",
];

#[test]
fn what_a_crowd_of_threads_counts_is_there_whoever_looks_meanwhile() {
    // More than the shards of miri's segment.
    let crowd = 18_u32;
    let often = OFTEN / 4 + 1;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let counting: Vec<_> = (0..crowd)
            .map(|number| {
                scope.spawn(move || {
                    for turn in 0..often {
                        COUNTED.inc();
                        ADDED.inc_by(0.5);
                        SIZES.observe(f64::from(number % 3));
                        PRESENT.add(1.0);
                        rows("few", turn % 3).inc();
                        rows("many", number).inc();
                        call();
                        if number == 0 {
                            LATEST.set(f64::from(turn));
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut last = [0.0; NAMES.len()];
            for _ in until(&is_over) {
                let snapshot = collected();
                let now = NAMES.map(|name| total(&snapshot, name));
                for ((name, now), last) in NAMES.iter().zip(now).zip(last) {
                    assert!(now >= last, "{name}: {now} after {last}");
                }
                last = now;
                thread::yield_now();
            }
        });
        for thread in counting {
            thread.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let snapshot = collected();
    let all = f64::from(crowd * often);
    assert_eq!(total(&snapshot, "crowd_counted_total"), all);
    assert_eq!(total(&snapshot, "crowd_added_total"), all / 2.0);
    assert_eq!(total(&snapshot, "crowd_present"), all);
    assert_eq!(total(&snapshot, "crowd_latest"), f64::from(often - 1));
    assert_eq!(total(&snapshot, "crowd_rows_total"), all * 2.0);
    assert_eq!(values(&snapshot, "crowd_rows_total").len(), 3 + 18);
    let sizes = values(&snapshot, "crowd_sizes");
    let [Value::Histogram(sizes)] = &sizes[..] else { panic!("{sizes:?}") };
    let counts = sizes.buckets.iter().map(|bucket| Number::Integer(bucket.count).as_f64());
    assert!(counts.eq([all / 3.0 * 2.0, all, all]), "{sizes:?}");
    assert_eq!(sizes.sum, all);
    let calls = values(&snapshot, "crowd_call_seconds");
    let [Value::Histogram(calls)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(Number::Integer(calls.count()).as_f64(), all);
}

#[test]
fn threads_that_follow_each_other_need_no_shards_of_their_own() {
    let shards = || Guard::lock().unwrap().shards.used();
    FOLLOWED.inc();
    let before = shards();
    let (rounds, at_once) = (if cfg!(miri) { 5 } else { 50 }, 3);
    for _ in 0..rounds {
        thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| FOLLOWED.inc());
            }
        });
    }
    let snapshot = collected();
    assert_eq!(total(&snapshot, "crowd_followed_total"), f64::from(rounds * at_once + 1));
    // Threads of other tests come and go meanwhile.
    assert!(shards() - before < 100, "{} more", shards() - before);
}

#[test]
fn a_row_that_others_remove_meanwhile_takes_no_counts_of_another_one() {
    let often = OFTEN / 4;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let counting = [0, 1].map(|thread| {
            scope.spawn(move || {
                for turn in 0..often {
                    // One row that stays, and two that are removed.
                    passing(7).inc();
                    passing(thread).inc();
                    passing(turn % 2).inc();
                }
            })
        });
        scope.spawn(|| {
            for _ in until(&is_over) {
                passing(0).remove();
                let labels = [("number", "1")];
                crate::remove_matching("crowd_passing_total", &labels);
                thread::yield_now();
            }
        });
        scope.spawn(|| {
            for _ in until(&is_over) {
                collected();
                thread::yield_now();
            }
        });
        for thread in counting {
            thread.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let snapshot = collected();
    let family = snapshot.families().iter().find(|family| family.name == "crowd_passing_total");
    for series in &family.unwrap().series {
        let Value::Counter(count) = series.value else { panic!("{series:?}") };
        if series.labels.iter().any(|(_, value)| value == "7") {
            assert_eq!(count.as_f64(), f64::from(2 * often));
        } else {
            assert!(count.as_f64() <= f64::from(2 * often), "{series:?}");
        }
    }
    assert!(total(&snapshot, "crowd_passing_total") >= f64::from(2 * often));
    assert_eq!(crate::remove_matching("crowd_passing_total", &[]), family.unwrap().series.len());
}
