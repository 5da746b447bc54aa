//! The processes of one host: `host <directory> <workers>`. A master forks workers that count what
//! the workers of a small service count: two annotated functions, requests by route and status with
//! their durations, a queue. It prints `ready` once all workers have counted, and they go on, a
//! little every second. `page_hosts.rs` starts it.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write, stdout};
use std::thread;
use std::time::Duration;

use headcount::{Config, Counter, Gauge, Histogram, counted, in_progress, metric, timed};
use nix::libc::{PR_SET_PDEATHSIG, SIGKILL, prctl};
use nix::unistd::{ForkResult, fork, pipe};

/// Jobs that were done before `ready`: 100 in each worker.
#[metric(name = "jobs_done_total")]
static JOBS: Counter;

/// Requests.
#[metric(name = "requests_total")]
fn requests(route: &str, status: u16) -> Counter;

/// Durations of requests.
#[metric(name = "request_duration_seconds")]
fn durations(route: &str) -> Histogram;

/// Jobs that wait.
#[metric(name = "queue_depth", mode = "livesum")]
fn queue(name: &str) -> Gauge;

#[counted]
#[timed]
#[in_progress]
fn load(round: u32) -> u32 {
    round.wrapping_mul(7)
}

#[counted]
#[timed]
fn store(round: u32) -> Result<u32, u32> {
    if round % 50 == 0 { Err(round) } else { Ok(round) }
}

fn work(round: u32) {
    const ROUTES: [&str; 8] = ["/", "/a", "/b", "/c", "/login", "/items", "/items/{id}", "/search"];
    let route = ROUTES[round as usize % ROUTES.len()];
    let status = [200, 200, 200, 404, 500][round as usize % 5];
    requests(route, status).inc();
    durations(route).observe(f64::from(round % 100) / 100.0);
    for name in ["mail", "index"] {
        queue(name).set(f64::from(round % 10));
    }
    let _ = store(load(round));
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, workers] = &arguments[..] else {
        return Err("host <directory> <workers>".into());
    };
    headcount::init(Config::new().directory(directory))?;
    let workers: usize = workers.parse()?;
    let (ready, tell) = pipe()?;
    let (mut ready, mut tell) = (File::from(ready), File::from(tell));
    for _ in 0..workers {
        #[expect(unsafe_code, reason = "workers of a host")]
        // SAFETY: this process has one thread, so the child may call everything.
        if let ForkResult::Child = unsafe { fork() }? {
            #[expect(unsafe_code, reason = "it must not outlive a killed master")]
            // SAFETY: it sets a property of the calling process.
            unsafe {
                prctl(PR_SET_PDEATHSIG, SIGKILL)
            };
            for round in 0..100 {
                work(round);
                JOBS.inc();
            }
            tell.write_all(&[1])?;
            for round in 100.. {
                thread::sleep(Duration::from_secs(1));
                work(round);
            }
        }
    }
    ready.read_exact(&mut vec![0; workers])?;
    writeln!(stdout(), "ready")?;
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}
