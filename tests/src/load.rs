//! A load that two programs count, one through another facade and one through the macros, so that
//! their pages can be compared: forked workers with threads, one that is killed, and one that is
//! started by `exec`.

use std::process::Command;
use std::thread;

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};

use crate::child::{ended_well, forked};

/// How a program counts.
pub trait Counts: Sync {
    /// Adds to a counter without labels.
    fn plain(&self, n: u64);
    /// Adds to a counter with two labels.
    fn call(&self, route: &str, method: &str, n: u64);
    /// Sets a gauge whose mode is the sum of all processes.
    fn depth(&self, queue: &str, depth: f64);
    /// Observes a duration, in the default buckets.
    fn took(&self, route: &str, seconds: f64);
    /// Observes a size, in buckets of the program's own.
    fn size(&self, bytes: f64);
}

/// What one worker counts.
pub fn work(counts: &impl Counts, worker: u32) {
    let round = |thread: u32| {
        for number in 0..500_u32 {
            let route = ["/", "/jobs", "/jobs/{id}"][number as usize % 3];
            let method = if number % 2 == 0 { "get" } else { "post" };
            counts.plain(1);
            counts.call(route, method, u64::from(thread + 1));
            counts.took(route, f64::from(number % 40) * 0.25);
            counts.size(f64::from(1 << (number % 12)));
        }
        counts.depth(&format!("queue {worker}"), f64::from(worker) + 0.5);
    };
    thread::scope(|scope| {
        for thread in 0..2 {
            let round = &round;
            scope.spawn(move || round(thread));
        }
    });
    round(2);
}

/// Counts here and in five workers, and returns once they have ended. `again` starts this program
/// as one more worker.
pub fn prefork(counts: &impl Counts, mut again: Command) {
    // Handles of before the forks, and a count of the master's.
    counts.plain(7);
    counts.call("/", "get", 5);
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            forked(|| {
                work(counts, worker);
                if worker == 3 {
                    // Without any end of a program's.
                    let _ = raise(Signal::SIGKILL);
                }
            })
        })
        .collect();
    for (number, worker) in workers.into_iter().enumerate() {
        if number == 3 {
            let status = waitpid(worker, None).expect("it is our child");
            assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "{status:?}");
        } else {
            ended_well(worker).expect("a worker");
        }
    }
    assert!(again.status().expect("it starts").success());
}
