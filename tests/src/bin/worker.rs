//! A program under test: each scenario is one command, and each ends by itself.
//!
//! Scenarios that fork or die can't run inside the test's own process, which has threads of the
//! test runner.

#![allow(clippy::print_stdout, reason = "what a scenario has counted is printed")]
#![expect(unsafe_code, reason = "fork, and the acknowledgements in a page shared with the test")]

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount::{
    Config, Counter, Gauge, Histogram, count_exceptions, counted, in_progress, metric, timed,
};
use headcount_tests::child::forked;
use headcount_tests::program::{number, start_in, tell};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// What the scenarios count.
#[metric(name = "work_total")]
static WORK: Counter;

/// Values that the scenarios observe: each is 1.
#[metric(name = "work_size", buckets = [1.0, 2.0])]
static SIZE: Histogram;

/// Sum over living processes.
#[metric(name = "depth_livesum", mode = "livesum")]
static LIVE_SUM: Gauge;
/// Sum over all processes.
#[metric(name = "depth_added", mode = "sum")]
static SUM: Gauge;
/// Least over all processes.
#[metric(name = "depth_min", mode = "min")]
static MIN: Gauge;
/// Greatest over all processes.
#[metric(name = "depth_max", mode = "max")]
static MAX: Gauge;
/// Each living process.
#[metric(name = "depth_liveall", mode = "liveall")]
static LIVE_ALL: Gauge;
/// Each process.
#[metric(name = "depth_all", mode = "all")]
static ALL: Gauge;
/// Never set by anyone.
#[metric(name = "depth_untouched", mode = "max")]
static UNTOUCHED: Gauge;

#[counted(name = "calls_total", labels(queue), outcome)]
#[timed(name = "call_seconds", labels(queue))]
#[in_progress(name = "calls_now", labels(queue))]
#[count_exceptions(name = "call_failures_total", labels(queue))]
fn call(queue: &str, fails: bool) -> Result<(), ()> {
    if fails { Err(()) } else { Ok(()) }
}

#[in_progress]
#[counted]
fn wait_to_be_killed(inside: impl FnOnce()) {
    inside();
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// Forks in the middle of a call, which then ends in two processes.
#[counted(outcome)]
#[timed]
#[in_progress]
#[count_exceptions]
fn call_that_forks() -> Result<Option<Pid>, ()> {
    let size = SIZE.start_timer();
    // SAFETY: this scenario has one thread, so the child finds no lock held by a thread that it
    // doesn't have.
    let child = match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => Some(child),
        ForkResult::Child => None,
    };
    drop(size);
    // In the child it ends with an error: nothing of that may be seen.
    if child.is_some() { Ok(child) } else { Err(()) }
}

fn count(times: u64) {
    for i in 0..times {
        WORK.inc();
        SIZE.observe(1.0);
        let _ = call(if i % 2 == 0 { "even" } else { "odd" }, i % 10 == 0);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["fork-storm", directory, forks, threads] => {
            fork_storm(directory, number(forks), number(threads));
        }
        ["fork-inside-a-call", directory] => {
            start_in(directory);
            match call_that_forks() {
                Ok(child) => reap(child.expect("the parent's")),
                // The child goes on to count calls of its own.
                Err(()) => count(10),
            }
        }
        ["generations", directory, depth] => generations(directory, number(depth)),
        ["count-until-killed", directory, acknowledged, threads] => {
            count_until_killed(directory, Path::new(acknowledged), number(threads));
        }
        ["gauges", directory, value] => gauges(directory, value.parse().expect("a number")),
        ["inside", directory] => {
            start_in(directory);
            wait_to_be_killed(|| println!("inside"));
        }
        ["orphan", directory] => orphan(directory),
        ["threads", directory, threads, times] => {
            many_threads(directory, number(threads), number(times));
        }
        ["count", times] => {
            // The directory is the environment's, or none.
            count(number(times));
            tell();
        }
        ["init", directory, times] => {
            if let Err(error) = headcount::init(Config::new().directory(directory)) {
                println!("init: {error}");
            }
            count(number(times));
            tell();
        }
        ["init-group", directory, group, times] => {
            let group = group.parse().expect("a number");
            if let Err(error) = headcount::init(Config::new().directory(directory).group(group)) {
                println!("init: {error}");
            }
            count(number(times));
            tell();
        }
        ["compact", directory] => {
            let collector = headcount::Collector::from_directory(directory);
            println!("compacted {}", collector.compact().expect("compacted").segments());
            print!("{}", collector.collect().expect("a snapshot").to_text());
        }
        ["late", directory] => {
            count(10);
            for _ in 0..2 {
                match headcount::init(Config::new().directory(directory)) {
                    Ok(()) => println!("init: fine"),
                    Err(error) => println!("init: {error}"),
                }
            }
            tell();
        }
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

/// Waits for a child's end, for as long as a child that hangs would be noticed.
fn reap(child: Pid) {
    let started = Instant::now();
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)).expect("it is our child") {
            WaitStatus::StillAlive => {}
            WaitStatus::Exited(_, 0) => return,
            status => panic!("a child ended with {status:?}"),
        }
        if started.elapsed() > Duration::from_secs(60) {
            let _ = kill(child, Signal::SIGKILL);
            panic!("a child hangs");
        }
        thread::sleep(Duration::from_micros(200));
    }
}

/// Forks again and again while other threads count. Every child counts too, some of them in two
/// threads, and has a child of its own; every third ends by SIGKILL. Tells the sum of all that was
/// counted.
fn fork_storm(directory: &str, forks: u64, threads: u64) {
    const EACH: u64 = 1_000;
    start_in(directory);
    count(10);
    let stop = AtomicBool::new(false);
    let counted = AtomicU64::new(10);
    // A thread that begins or ends holds a mutex of the standard library's, and a child that is
    // forked meanwhile would wait for it for ever.
    let begun = Barrier::new(usize::try_from(threads).expect("few") + 1);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                begun.wait();
                let mut here = 0;
                while !stop.load(Ordering::Relaxed) {
                    count(7);
                    here += 7;
                }
                counted.fetch_add(here, Ordering::Relaxed);
            });
        }
        begun.wait();
        for i in 0..forks {
            let child = forked(|| {
                count(EACH);
                if i % 2 == 0 {
                    // Joined, and not only scoped: until it has really ended.
                    thread::spawn(|| count(EACH)).join().expect("it counts");
                }
                let grandchild = forked(|| count(EACH));
                reap(grandchild);
                if i % 3 == 0 {
                    let _ = raise(Signal::SIGKILL);
                }
            });
            let mine = EACH + if i % 2 == 0 { EACH } else { 0 } + EACH;
            counted.fetch_add(mine, Ordering::Relaxed);
            if i % 3 == 0 {
                let status = waitpid(child, None).expect("it is our child");
                assert!(
                    matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)),
                    "{status:?}"
                );
            } else {
                reap(child);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("counted {}", counted.load(Ordering::Relaxed));
    print!("{}", headcount::Collector::new().collect().expect("a snapshot").to_text());
}

/// A child's child's child ..: each counts once more than its parent, before and after it forks.
fn generations(directory: &str, depth: u64) {
    start_in(directory);
    count(10);
    if depth > 0 {
        reap(forked(|| generations(directory, depth - 1)));
    }
    count(10);
}

/// Acknowledges each count after it was made, in a page that outlives this process.
fn count_until_killed(directory: &str, acknowledged: &Path, threads: u64) {
    start_in(directory);
    let file =
        std::fs::File::options().read(true).write(true).open(acknowledged).expect("the page");
    let page = memmap2::MmapOptions::new().len(4096).map_raw(&file).expect("the page");
    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    // SAFETY: 512 aligned words that nobody cuts, accessed as atomics only, here; the test reads
    // the file.
    let words = unsafe { std::slice::from_raw_parts(page.as_mut_ptr().cast::<AtomicU64>(), 512) };
    thread::scope(|scope| {
        for done in words.iter().take(usize::try_from(threads).expect("few")) {
            scope.spawn(move || {
                let mut n = 0;
                loop {
                    WORK.inc();
                    n += 1;
                    done.store(n, Ordering::Release);
                }
            });
        }
    });
}

fn gauges(directory: &str, value: f64) {
    start_in(directory);
    for gauge in [LIVE_SUM, SUM, MIN, MAX, LIVE_ALL, ALL] {
        gauge.set(value);
    }
    let _ = UNTOUCHED;
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// A child that lives on after its parent, without recording anything.
fn orphan(directory: &str) {
    start_in(directory);
    LIVE_SUM.set(5.0);
    let child = forked(|| {
        loop {
            thread::sleep(Duration::from_secs(1));
        }
    });
    println!("child {child}");
    let _ = raise(Signal::SIGKILL);
}

/// Short threads, more than there are shards, some of them at once.
fn many_threads(directory: &str, threads: u64, times: u64) {
    start_in(directory);
    for _ in 0..10 {
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| count(times));
            }
        });
    }
    tell();
}
