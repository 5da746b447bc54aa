//! Gauges and counters whose value is what a function says; and the guards that measure parts of a
//! program.

use std::process::Command;
use std::time::Duration;

use headcount::{Collector, Counter, Gauge, Histogram, metric};
use headcount_tests::child::Child;
use headcount_tests::page::Page;
use headcount_tests::{Medium, SOON, temporary_directory, within};

/// How long futures took.
#[metric(name = "future_seconds")]
static FUTURES: Histogram;
/// How long the last one took.
#[metric(name = "last_seconds", mode = "mostrecent")]
static LAST: Gauge;
/// In progress.
#[metric(name = "in_progress", mode = "livesum")]
static IN_PROGRESS: Gauge;
/// Failures.
#[metric(name = "failures_total")]
static FAILURES: Counter;

#[test]
fn functions_are_asked_in_every_process_that_counts_and_forks_do_not_break_them() {
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let mut asked = Child::start(Command::new(env!("CARGO_BIN_EXE_asked")).arg(folder.path()));
        let status = asked.wait();
        assert!(status.success(), "{status}: {}", asked.output());
    }
}

#[test]
fn a_function_that_never_returns_hurts_nobody_but_itself() {
    let folder = temporary_directory(Medium::Memory);
    let mut stuck = Child::start(Command::new(env!("CARGO_BIN_EXE_stuck")).arg(folder.path()));
    let status = within(2 * SOON, "the program has ended", || stuck.ended());
    assert!(status.success(), "{status}: {}", stuck.output());
}

#[test]
fn a_future_is_timed_from_its_first_poll_to_its_end_however_it_ends() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("an executor");
    let text = || Collector::new().collect().expect("a snapshot").to_text();
    let before = FUTURES.time_future(std::future::ready(7));
    assert!(text().contains("future_seconds_count 0\n"), "never polled");
    assert_eq!(runtime.block_on(before), 7);
    assert!(text().contains("future_seconds_count 1\n"));
    runtime.block_on(async {
        let endless = FUTURES.time_future(std::future::pending::<()>());
        let timed_out = tokio::time::timeout(Duration::from_millis(10), endless).await;
        assert!(timed_out.is_err());
    });
    assert!(text().contains("future_seconds_count 2\n"), "dropped before its end");
    assert!(Page::parse(&text()).expect("a page").at("future_seconds_sum") >= 0.01);

    let timer = FUTURES.start_timer();
    assert!(timer.elapsed() < Duration::from_secs(60));
    timer.discard();
    assert!(text().contains("future_seconds_count 2\n"));
    let before = Page::parse(&text()).expect("a page").at("future_seconds_sum");
    let timer = FUTURES.start_timer();
    std::thread::sleep(Duration::from_millis(1));
    let stopped = timer.stop();
    let other = FUTURES.start_timer().stop_as(LAST);
    let after = Page::parse(&text()).expect("a page").at("future_seconds_sum");
    assert!((after - before - stopped.as_secs_f64()).abs() < 1e-9, "{stopped:?}");
    assert!(text().contains("future_seconds_count 3\n"));
    let last = Page::parse(&text()).expect("a page").at("last_seconds");
    assert!((last - other.as_secs_f64()).abs() < 1e-12, "{last} {other:?}");
    LAST.time(|| std::thread::sleep(Duration::from_millis(1)));
    assert!(Page::parse(&text()).expect("a page").at("last_seconds") >= 0.001);
    LAST.set_to_current_time();
    assert!(Page::parse(&text()).expect("a page").at("last_seconds") > 1.7e9);
    LAST.unset();
    assert!(!text().contains("last_seconds"), "as if nobody had set it");
}

#[test]
fn a_guard_ends_once_whatever_ends_it() {
    let text = || Collector::new().collect().expect("a snapshot").to_text();
    let guard = IN_PROGRESS.track_in_progress();
    let panicked = std::panic::catch_unwind(|| {
        let _guard = IN_PROGRESS.track_in_progress();
        panic!("while it is tracked");
    });
    assert!(panicked.is_err());
    assert!(text().contains("in_progress 1\n"));
    drop(guard);
    assert!(text().contains("in_progress 0\n"));

    let failed = FAILURES.count_exceptions(|| Err::<(), _>("wrong"));
    assert_eq!(failed, Err("wrong"));
    assert_eq!(FAILURES.count_exceptions(|| Ok::<_, ()>(1)), Ok(1));
    let panicked = std::panic::catch_unwind(|| {
        FAILURES.count_exceptions(|| -> Result<(), ()> { panic!("worse") })
    });
    assert!(panicked.is_err());
    assert!(text().contains("failures_total 2\n"));
}
