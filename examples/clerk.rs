//! A worker that does a job for each line of its input, and counts them. The guide's programs in a
//! shell are this one.
//!
//! ```text
//! echo 'mail 7' | HEADCOUNT_DIR=/dev/shm/shop cargo run --example clerk
//! ```

#![expect(clippy::print_stdout, reason = "says what it has done")]

use std::io;
use std::num::ParseIntError;

use headcount::{Gauge, counted, metric, timed};

/// Workers that have been started and still run.
#[metric(name = "workers", mode = "livesum")]
static WORKERS: Gauge;

#[counted(name = "jobs_total", help = "Jobs, and how they ended.", labels(queue), outcome)]
#[timed(name = "job_seconds", help = "Time of a job.", buckets = [0.01, 0.1, 1.0])]
fn run(queue: &str, job: &str) -> Result<u32, ParseIntError> {
    job.parse()
}

fn main() -> io::Result<()> {
    WORKERS.set(1);
    for line in io::stdin().lines() {
        let line = line?;
        let (queue, job) = line.split_once(' ').unwrap_or(("none", &line));
        match run(queue, job) {
            Ok(number) => println!("job {number} is done"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
