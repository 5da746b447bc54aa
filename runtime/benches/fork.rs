//! What the first operation after a fork costs, in which the child makes a segment of its own:
//! beside a child that does nothing, the rest is the same. A fork copies more of a process that has
//! touched more, so both are of one with a thousand series.
//!
//! A program of its own, with one thread.

#![expect(unsafe_code, reason = "forks")]

use std::path::PathBuf;

use divan::Bencher;
use headcount::{Collector, Config, Counter, metric};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Counted.
#[metric(name = "bench_fork_total")]
static COUNTER: Counter;

/// Counted in rows.
#[metric(name = "bench_fork_rows_total")]
fn rows(row: u32) -> Counter;

fn directory() -> PathBuf {
    PathBuf::from(format!("/dev/shm/headcount-bench-{}", std::process::id()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    headcount::init(Config::new().directory(directory()))?;
    (0..1000).for_each(|row| rows(row).inc());
    divan::main();
    Ok(std::fs::remove_dir_all(directory())?)
}

/// Forks a child that does something, and waits for its end.
fn child(does: impl FnOnce()) {
    // SAFETY: this process has one thread, so the child finds no lock held by a thread that it does
    // not have.
    match unsafe { fork() }.expect("it forks") {
        ForkResult::Child => {
            does();
            // SAFETY: ends the process; what the benchmark's own buffers hold is the parent's to
            // write.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
        }
    }
}

#[divan::bench(sample_count = 200, sample_size = 1)]
fn does_nothing() {
    child(|| ());
}

#[divan::bench(sample_count = 200, sample_size = 1)]
fn counts_once(bencher: Bencher<'_, '_>) {
    // What children have left is compacted between the samples: with thousands of files a directory
    // gets slower.
    bencher
        .with_inputs(|| Collector::from_directory(directory()).compact())
        .bench_local_values(|_| child(|| COUNTER.inc()));
}

#[divan::bench(sample_count = 200, sample_size = 1)]
fn counts_twice(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| Collector::from_directory(directory()).compact()).bench_local_values(
        |_| {
            child(|| {
                COUNTER.inc();
                COUNTER.inc();
            });
        },
    );
}
