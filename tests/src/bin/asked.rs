//! A program whose metrics are what functions say; it forks while they are asked, and checks what
//! all of it comes to. Its argument is a directory. `metrics_functions.rs` starts it: a process of
//! its own, in which no test runner's threads are forked away.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headcount::{Collector, Config, Counter, Gauge, metric};
use headcount_tests::child::forked;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::sys::wait::{WaitStatus, waitpid};

/// Asked.
#[metric(name = "asked", mode = "livesum")]
static ASKED: Gauge;
/// Asked, and only grows.
#[metric(name = "asked_total")]
static ASKED_TOTAL: Counter;
/// Asked, of each.
#[metric(name = "asked_each", mode = "liveall")]
fn asked_each(which: &str) -> Gauge;
/// Counted as usual.
#[metric(name = "usual_total")]
static USUAL: Counter;
/// In progress.
#[metric(name = "in_progress", mode = "livesum")]
static IN_PROGRESS: Gauge;

static TOTAL: AtomicU64 = AtomicU64::new(100);
static LOCK: Mutex<f64> = Mutex::new(5.0);

fn page(directory: &Path) -> Page {
    let text = Collector::from_directory(directory).collect().expect("a snapshot").to_text();
    Page::parse(&text).expect("a page")
}

fn main() {
    let argument = std::env::args_os().nth(1).expect("a directory");
    let directory = Path::new(&argument);
    let config = Config::new().directory(directory).sample_interval(Duration::from_millis(5));
    headcount::init(config).expect("a fit directory");

    ASKED.set_function(|| *LOCK.lock().unwrap_or_else(PoisonError::into_inner));
    ASKED_TOTAL.set_function(|| TOTAL.load(Ordering::Relaxed));
    asked_each("a").set_function(|| 1.0);
    asked_each("b").set_function(|| panic!("a function of the user's that is broken"));
    // At once, but for a thread that is just asking the others.
    eventually("it is asked", || (page(directory).at("asked") == 5.0).then_some(()));
    *LOCK.lock().expect("no panic") = 6.0;
    eventually("another process sees the new value", || {
        (page(directory).at("asked") == 6.0).then_some(())
    });

    // What only grows is counted by how much it grew; what begins anew, from the beginning.
    ASKED_TOTAL.inc();
    TOTAL.store(130, Ordering::Relaxed);
    eventually("what it grew by is added", || {
        (page(directory).at("asked_total") == 131.0).then_some(())
    });
    TOTAL.store(4, Ordering::Relaxed);
    eventually("it began anew", || (page(directory).at("asked_total") == 135.0).then_some(()));

    // The last function that was given is the one that is asked.
    asked_each("a").set_function(|| 2.0);
    let own = format!("asked_each{{pid=\"{}\",which=\"a\"}}", std::process::id());
    eventually("the last one is asked", || (page(directory).at(&own) == 2.0).then_some(()));

    // Forks while functions are asked all the time, each with a lock: every child gets it.
    let mut waited = Vec::new();
    for _ in 0..50 {
        let child = forked(|| {
            *LOCK.lock().expect("nobody holds it here") += 1.0;
            USUAL.inc();
        });
        waited.push(waitpid(child, None).expect("it is our child"));
    }
    assert!(waited.iter().all(|status| matches!(status, WaitStatus::Exited(_, 0))), "{waited:?}");
    assert_eq!(page(directory).at("usual_total"), 50.0);

    // A child is asked from its first operation on, and counts what is new there.
    let stop = temporary_directory(Medium::Memory);
    let child = forked(|| {
        *LOCK.lock().expect("nobody holds it here") = 100.0;
        USUAL.inc();
        TOTAL.store(10, Ordering::Relaxed);
        while stop.path().exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    eventually("the child is asked too", || (page(directory).at("asked") == 106.0).then_some(()));
    stop.close().expect("removed");
    waitpid(child, None).expect("it is our child");
    eventually("only the living count", || (page(directory).at("asked") == 6.0).then_some(()));
    assert!(page(directory).at("headcount_dropped_operations_total") > 0.0, "the one that panics");

    // What began before a fork ends in the parent.
    let mut guard = Some(IN_PROGRESS.track_in_progress());
    let child = forked(|| {
        USUAL.inc();
        drop(guard.take());
        // If the child's copy of the guard ended as well, it would be 0.
        assert_eq!(page(directory).at("in_progress"), 1.0);
    });
    assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
    IN_PROGRESS.track_in_progress().discard();
    drop(guard);
    assert_eq!(page(directory).at("in_progress"), 1.0, "the one that was discarded");
}
