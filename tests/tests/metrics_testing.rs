//! What `headcount::testing` and the handles themselves say of a process's own numbers.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs;
use std::panic::catch_unwind;
use std::sync::Barrier;
use std::thread;

use headcount::testing::{TestDirectory, assert_counts, this_thread};
use headcount::{Collector, Counter, Gauge, Histogram, LabelValue, Summary, metric, timed};
use headcount_tests::child::{ended_well, forked};

/// Jobs of all threads.
#[metric(name = "jobs_total")]
static JOBS: Counter;
/// The same by label.
#[metric(name = "jobs_by_user_total")]
fn jobs(user: &str) -> Counter;
/// Energy that was used.
#[metric(name = "energy_total")]
static ENERGY: Counter<f64>;
/// Sizes.
#[metric(name = "job_size", buckets = [1.0, 10.0])]
fn size(kind: Kind) -> Histogram;
/// Waiting.
#[metric(name = "waiting")]
static WAITING: Summary;
/// The depth of a queue.
#[metric(name = "depth", mode = "mostrecent")]
static DEPTH: Gauge;

#[derive(Clone, Copy, LabelValue)]
enum Kind {
    Small,
    Large,
}

#[timed]
fn annotated() {
    JOBS.inc();
}

#[test]
fn parallel_tests_of_one_counter_are_each_exact() {
    const THREADS: u32 = 8;
    let barrier = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let barrier = &barrier;
            scope.spawn(move || {
                for round in 0..20 {
                    barrier.wait();
                    let user = format!("user-{}", (number + round) % 3);
                    let seen = this_thread(|| {
                        for _ in 0..=number {
                            annotated();
                            jobs(&user).inc_by(2);
                            size(Kind::Large).observe(5);
                            ENERGY.inc_by(0.25);
                            DEPTH.set(number);
                        }
                    });
                    let times = number + 1;
                    assert_counts!(
                        seen,
                        "jobs_total" => times,
                        "jobs_by_user_total" { user = &*user } => 2 * times,
                        "jobs_by_user_total" { user = "another" } => 0,
                        "job_size_sum" { kind = "large" } => 5 * times,
                        "job_size_bucket" { kind = "large", le = "1" } => 0,
                        "job_size_bucket" { kind = "large", le = "+Inf" } => times,
                        "job_size_count" { kind = "small" } => 0,
                        "energy_total" => 0.25 * f64::from(times),
                        "depth" => 0,
                        "function_calls_duration_seconds_count" {
                            function = "annotated", module = module_path!()
                        } => times,
                    );
                    assert_eq!(seen.families().len(), 5, "{}", seen.to_text());
                }
            });
        }
    });
}

#[test]
fn a_thread_that_takes_over_the_cells_of_an_ended_one_begins_at_zero() {
    for round in 1..=3 {
        let seen = thread::spawn(move || this_thread(|| jobs("heir").inc_by(round))).join();
        assert_counts!(seen.expect("no panic"), "jobs_by_user_total" { user = "heir" } => round);
    }
    assert_eq!(jobs("heir").get(), 6);
}

/// Not even at 0.
#[test]
fn series_that_another_thread_makes_meanwhile_are_not_there() {
    let seen = this_thread(|| {
        jobs("mine").inc();
        thread::scope(|scope| {
            scope.spawn(|| jobs("another's").inc_by(7));
        });
    });
    let series: Vec<_> = seen.families().iter().flat_map(|family| &family.series).collect();
    assert_eq!(series.len(), 1, "{}", seen.to_text());
    assert_counts!(seen, "jobs_by_user_total" { user = "mine" } => 1);
}

#[test]
fn what_differs_is_listed_with_all_that_was_counted() {
    let seen = this_thread(|| jobs("listed").inc_by(2));
    let failed = catch_unwind(|| {
        assert_counts!(
            seen,
            "jobs_by_user_total" { user = "listed" } => 3,
            "jobs_total" => 1,
            "energy_total" => 0,
        );
    });
    let message = *failed.expect_err("it differs").downcast::<String>().expect("a text");
    assert_eq!(
        message,
        "counts differ:\n  jobs_by_user_total[(\"user\", \"listed\")]: expected 3, but it is 2\n  \
         jobs_total[]: expected 1, but it is not there\nall that was counted:\n\
         # HELP jobs_by_user_total The same by label.\n# TYPE jobs_by_user_total counter\n\
         jobs_by_user_total{user=\"listed\"} 2\n"
    );
}

#[test]
fn handles_say_what_this_process_has_recorded_in_all_threads() {
    let (row, sizes) = (jobs("own"), size(Kind::Small));
    assert_eq!((row.get(), sizes.count(), sizes.sum()), (0, 0, 0.0));
    assert_eq!((WAITING.count(), WAITING.sum()), (0, 0.0));
    let record = || {
        row.inc_by(3);
        sizes.observe(0.5);
        WAITING.observe(0.25);
    };
    record();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(record);
        }
    });
    DEPTH.set(4);
    DEPTH.add(0.5);
    assert_eq!((row.get(), sizes.count(), sizes.sum()), (12, 4, 2.0));
    assert_eq!((WAITING.count(), WAITING.sum()), (4, 1.0));
    let page = Collector::new().collect().expect("a snapshot");
    assert_eq!(page.value("jobs_by_user_total", &[("user", "own")]), Some(12.0));
    let child = forked(|| {
        assert_eq!((row.get(), sizes.count(), DEPTH.get()), (0, 0, None));
        row.inc();
        DEPTH.set(1);
        assert_eq!((row.get(), DEPTH.get()), (1, Some(1.0)));
        assert_counts!(this_thread(|| row.inc()), "jobs_by_user_total" { user = "own" } => 1);
    });
    assert_eq!(ended_well(child), Ok(()));
    assert_eq!(row.get(), 12);
    assert!(row.remove());
    assert_eq!(row.get(), 0);
}

#[test]
fn a_test_directory_is_removed_by_the_process_that_made_it() {
    let directory = TestDirectory::new().expect("a directory");
    let path = directory.path().to_owned();
    fs::write(path.join("file"), "content").expect("writable");
    let mut inherited = Some(directory);
    assert_eq!(ended_well(forked(|| drop(inherited.take()))), Ok(()));
    assert!(path.join("file").exists());
    drop(inherited);
    assert!(!path.exists());
}
