//! A program some of whose functions never return, which `metrics_functions.rs` starts: a process
//! of its own, whose forks are its own. It checks that they hurt nobody but themselves. Its
//! argument is a directory.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headcount::{Collector, Config, Counter, Gauge, health, metric};
use headcount_tests::child::forked;
use headcount_tests::eventually;
use headcount_tests::page::Page;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

/// A function that returns.
#[metric(name = "good", mode = "livesum")]
static GOOD: Gauge;
/// One that doesn't, from the first call on.
#[metric(name = "bad", mode = "livesum")]
static BAD: Gauge;
/// Others that don't, for a while.
#[metric(name = "blocked", mode = "liveall")]
fn blocked(which: u32) -> Gauge;
/// Counted as usual.
#[metric(name = "usual_total")]
static USUAL: Counter;

static SAYS: AtomicU32 = AtomicU32::new(1);
static BLOCKS: AtomicBool = AtomicBool::new(true);
static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOGGED.lock().unwrap_or_else(PoisonError::into_inner).push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// What another process sees.
fn page(directory: &Path) -> Page {
    let text = Collector::from_directory(directory).collect().expect("a snapshot").to_text();
    Page::parse(&text).expect("a page")
}

fn sees(directory: &Path, good: u32) {
    SAYS.store(good, Ordering::Relaxed);
    eventually("the function that returns is asked", || {
        (page(directory).value("good") == Some(f64::from(good))).then_some(())
    });
}

/// How often this thread has slept, or waited for anything.
fn waits() -> u64 {
    let status =
        fs::read_to_string(format!("/proc/self/task/{}/status", getpid())).expect("a file");
    let waits = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    waits.expect("a count").trim().parse().expect("a number")
}

fn wait_for(child: Pid) {
    assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
}

fn main() {
    let argument = std::env::args_os().nth(1).expect("a directory");
    let directory = Path::new(&argument);
    log::set_boxed_logger(Box::new(Logger)).expect("the first");
    log::set_max_level(log::LevelFilter::Warn);
    let config = Config::new().directory(directory).sample_interval(Duration::from_millis(5));
    headcount::init(config).expect("a fit directory");

    // Who hands it over goes on.
    BAD.set_function(|| {
        loop {
            std::thread::park();
        }
    });
    GOOD.set_function(|| f64::from(SAYS.load(Ordering::Relaxed)));
    sees(directory, 2);
    assert_eq!(health().stuck_functions(), 1);
    let problem = health().problem().expect("a function doesn't return").to_string();
    assert!(problem.contains("`bad`") && problem.contains("has not returned"), "{problem}");
    let logged = || LOGGED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    eventually("the logger is told", || (!logged().is_empty()).then_some(()));
    sees(directory, 3);
    assert_eq!(logged().len(), 1, "once: {:?}", logged());
    assert!(logged()[0].contains("`bad`"), "{:?}", logged());

    // Who collects in this process goes on too, with what the other says now.
    SAYS.store(4, Ordering::Relaxed);
    let own = Collector::new().collect().expect("a snapshot").to_text();
    assert_eq!(Page::parse(&own).expect("a page").value("good"), Some(4.0));

    // No fork waits for a function that was given up: to wait for 50 ms is to sleep some hundred
    // times.
    let before = waits();
    for _ in 0..100 {
        wait_for(forked(|| USUAL.inc()));
    }
    let forks = waits() - before;
    assert!(forks < 1_000, "{forks} waits in 100 forks");

    // A child has its own threads, and its own stuck function.
    SAYS.store(10, Ordering::Relaxed);
    let (read, write) = nix::unistd::pipe().expect("a pipe");
    let child = forked(|| {
        USUAL.inc();
        eventually("it finds out as well", || (health().stuck_functions() == 1).then_some(()));
        let _ = nix::unistd::read(&read, &mut [0]);
    });
    eventually("the child is asked too", || {
        (page(directory).value("good") == Some(20.0)).then_some(())
    });
    nix::unistd::write(&write, b"x").expect("it waits");
    wait_for(child);
    assert_eq!(page(directory).at("usual_total"), 101.0);

    // As many as there may be: nobody waits all the same, and all are asked again once they return.
    for which in 0..8 {
        blocked(which).set_function(|| {
            while BLOCKS.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            1.0
        });
    }
    eventually("they are all given up", || (health().stuck_functions() == 8).then_some(()));
    let own = Collector::new().collect().expect("a snapshot").to_text();
    assert!(own.contains("good 10"), "as old as that: {own}");
    let before = waits();
    for _ in 0..100 {
        wait_for(forked(|| USUAL.inc()));
    }
    let forks = waits() - before;
    assert!(forks < 1_000, "{forks} waits in 100 forks");
    BLOCKS.store(false, Ordering::Relaxed);
    eventually("those that return are not complained of", || {
        (health().stuck_functions() == 1).then_some(())
    });
    for which in 0..8 {
        let own = format!("blocked{{pid=\"{}\",which=\"{which}\"}}", getpid());
        eventually("all are asked again", || {
            (page(directory).value(&own) == Some(1.0)).then_some(())
        });
    }
    sees(directory, 5);

    // A new function takes the place of the one that doesn't return.
    BAD.set_function(|| 7.0);
    eventually("nothing is wrong", || health().problem().is_none().then_some(()));
    assert_eq!(health().stuck_functions(), 0);
    eventually("it is asked", || (page(directory).value("bad") == Some(7.0)).then_some(()));
}
