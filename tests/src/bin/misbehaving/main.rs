//! A second program under test, for what a program does to itself: signals at bad moments, limits,
//! closed descriptors, locked memory. Each scenario is one command, and each ends by itself or says
//! `ready` and waits to be killed.

#![allow(clippy::print_stdout, reason = "what a scenario has found is printed")]
#![expect(unsafe_code, reason = "fork, signal handlers, and an allocator that counts")]

mod directories;
mod forks;
mod limits;

use std::alloc::{GlobalAlloc, Layout};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount::{Counter, Gauge, Histogram, counted, metric};
use headcount_tests::allocating::Marking;
use headcount_tests::program::{number, start_in, tell, this_program, wait_to_be_killed};
use nix::sys::signal::{
    SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction,
};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::directories::{close_all, full, relative, remove};
use crate::forks::{
    fork_amid_collections, fork_in_operation, fork_inside, fork_inside_start, fork_while_waiting,
};
use crate::limits::{limited, lock_memory, no_descriptors, no_descriptors_in_child, status};

/// What the scenarios count.
#[metric(name = "work_total")]
static WORK: Counter;

/// What children count, once they know that they are children.
#[metric(name = "children_total")]
static CHILDREN: Counter;

/// What is observed.
#[metric(name = "work_size", buckets = [1.0, 2.0])]
static SIZE: Histogram;

/// Sum over living processes.
#[metric(name = "depth_livesum", mode = "livesum")]
static DEPTH: Gauge;

#[counted(name = "hits_total", labels(id))]
fn hit(id: u32) {
    let _ = id;
}

#[counted(name = "rows_total", labels(id), max_series = 200_000)]
fn long_row(id: &str) {
    let _ = id;
}

/// So long that the log needs space every few rows.
fn row(id: u32) {
    long_row(&format!("{id:01000}"));
}

/// The allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is done by the other allocator; the rest touches an atomic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { Marking.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { Marking.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { Marking.dealloc(memory, layout) };
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["fork-in-operation", directory, what] => fork_in_operation(directory, what),
        ["fork-while-waiting", directory] => fork_while_waiting(directory),
        ["fork-inside", directory, then] => fork_inside(directory, then),
        ["fork-amid-collections", directory] => fork_amid_collections(directory),
        ["fork-inside-start", directory, micros] => fork_inside_start(directory, number(micros)),
        ["record-in-handler"] => record_in_handler(),
        ["limited", directory, resource, limit] => limited(directory, resource, number(limit)),
        ["no-descriptors", directory] => no_descriptors(directory),
        ["no-descriptors-in-child", directory] => no_descriptors_in_child(directory),
        ["lock-memory", directory, when] => lock_memory(directory, when),
        ["close-all", directory, files] => close_all(directory, Path::new(files)),
        ["remove", directory] => remove(directory),
        ["relative", parent] => relative(Path::new(parent)),
        ["full", directory] => full(directory),
        ["over-cap"] => over_cap(),
        ["not-a-number"] => not_a_number(),
        ["exec", directory] => {
            start_in(directory);
            DEPTH.set(5.0);
            WORK.inc_by(10);
            let error = Command::new(this_program()).arg("wait").exec();
            panic!("exec: {error}");
        }
        ["wait"] => wait_to_be_killed(),
        ["collect", directory] => collect(directory),
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

/// Counts 1,007: 1,000 in this thread and 7 in another.
fn work() {
    for i in 0..1_000 {
        WORK.inc();
        SIZE.observe(1.0);
        hit(i % 50);
    }
    let other = thread::Builder::new().stack_size(64 << 10).spawn(|| {
        WORK.inc_by(7);
        for _ in 0..7 {
            SIZE.observe(1.0);
            hit(0);
        }
    });
    other.expect("a thread").join().expect("it ends well");
}

fn on(signal: Signal, handler: extern "C" fn(i32)) {
    let action = SigAction::new(SigHandler::Handler(handler), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handlers here touch atomics, fork, and record, which is what is tested.
    unsafe { sigaction(signal, &action) }.expect("a handler");
}

fn alarm() -> Timer {
    let event = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGALRM, si_value: 0 });
    Timer::new(ClockId::CLOCK_MONOTONIC, event).expect("a timer")
}

fn ring(timer: &mut Timer, after: Duration) {
    let once = Expiration::OneShot(after.into());
    timer.set(once, TimerSetTimeFlags::empty()).expect("a timer can be set");
}

static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn record_here(_: i32) {
    WORK.inc();
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// A handler records in the counter that its thread records in.
fn record_in_handler() {
    WORK.inc();
    let mut counted = 1;
    on(Signal::SIGALRM, record_here);
    let mut timer = alarm();
    let interval = Expiration::Interval(Duration::from_micros(50).into());
    timer.set(interval, TimerSetTimeFlags::empty()).expect("a timer can be set");
    let started = Instant::now();
    while HANDLED.load(Ordering::Relaxed) < 5_000 && started.elapsed() < Duration::from_secs(20) {
        for _ in 0..1_000 {
            WORK.inc();
        }
        counted += 1_000;
    }
    drop(timer);
    println!("handled: {}", HANDLED.load(Ordering::Relaxed));
    println!("counted: {}", counted + HANDLED.load(Ordering::Relaxed));
    tell();
}

fn allocations(of: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    of();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn over_cap() {
    for i in 0..1_500 {
        hit(i);
        hit(i);
        hit(i);
    }
    let again = || {
        for i in 0..10_000 {
            hit(2_000 + i % 7);
        }
    };
    println!("allocations: {}", allocations(again));
    let other = thread::spawn(move || {
        hit(0);
        hit(5_000);
        allocations(again)
    });
    println!("allocations: {}", other.join().expect("it ends well"));
    tell();
}

fn not_a_number() {
    SIZE.observe(1.0);
    for _ in 0..10 {
        SIZE.observe(f64::NAN);
    }
    tell();
}

/// What a collector that is nobody's process spends on a directory.
fn collect(directory: &str) {
    let snapshot = headcount::Collector::from_directory(directory).collect().expect("a snapshot");
    let text = snapshot.to_text();
    println!("peak: {}", status("VmHWM:"));
    for skipped in snapshot.skipped() {
        println!("skipped: {skipped}");
    }
    print!("page:\n{text}");
}
