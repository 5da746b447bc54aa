//! A program with a fork handler that was registered before headcount's, and records in each child.
//!
//! ```text
//! foreign <directory> <forks>
//! ```

#![allow(clippy::print_stdout, reason = "what it has counted is printed")]
#![expect(unsafe_code, reason = "fork, and its handlers")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use headcount::{Config, Counter, Gauge, Histogram, metric};
use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// What all processes count.
#[metric(name = "work_total")]
static WORK: Counter;
/// What they observe.
#[metric(name = "work_size", buckets = [1.0, 2.0])]
static SIZE: Histogram;
/// Each process adds one.
#[metric(name = "depth", mode = "sum")]
static DEPTH: Gauge;

/// Gauges come first or last: either finds out that this is a child.
static TURN: AtomicU64 = AtomicU64::new(0);

extern "C" fn in_child() {
    let is_first = TURN.load(Ordering::Relaxed) % 2 == 0;
    if is_first {
        DEPTH.add(1.0);
    }
    for _ in 0..1_000 {
        WORK.inc();
        SIZE.observe(1.0);
    }
    if !is_first {
        DEPTH.add(1.0);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, forks] = &*arguments else { panic!("{arguments:?}") };
    let forks: u64 = forks.parse().expect("a number");
    // SAFETY: a function without arguments, which records.
    assert_eq!(unsafe { libc::pthread_atfork(None, None, Some(in_child)) }, 0);
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    let stop = AtomicBool::new(false);
    let count = || {
        let mut counted: u64 = 0;
        while !stop.load(Ordering::Relaxed) {
            WORK.inc();
            SIZE.observe(1.0);
            counted += 1;
        }
        counted
    };
    let counted = thread::scope(|scope| {
        let other = scope.spawn(count);
        let mut own = 0;
        for turn in 0..forks {
            TURN.store(turn, Ordering::Relaxed);
            // SAFETY: the child ends at once.
            match unsafe { fork() }.expect("fork") {
                ForkResult::Parent { child } => {
                    for _ in 0..1_000 {
                        WORK.inc();
                        SIZE.observe(1.0);
                    }
                    own += 1_000;
                    waitpid(child, None).expect("it is ours");
                }
                // SAFETY: ends the process.
                ForkResult::Child => unsafe { libc::_exit(0) },
            }
        }
        stop.store(true, Ordering::Relaxed);
        own + other.join().expect("it ends well")
    });
    println!("counted: {}", counted + 1_000 * forks);
}
