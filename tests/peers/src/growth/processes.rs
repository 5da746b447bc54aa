//! Processes that count, for others to collect.

use std::error::Error;
use std::io::{Read, Write, pipe};
use std::process;
use std::sync::Barrier;
use std::thread;

use headcount::Config;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::metrics::rows;

fn count(series: u32) {
    (0..series).for_each(|row| rows(row).inc());
}

/// Forks processes that count and end, one after the other.
pub fn fill(directory: &str, processes: u32, series: u32) -> Result<(), Box<dyn Error>> {
    headcount::init(Config::new().directory(directory))?;
    for _ in 0..processes {
        // SAFETY: this process has one thread, so the child finds no lock held by a thread that it
        // does not have.
        match unsafe { fork() }? {
            ForkResult::Child => {
                count(series);
                process::exit(0);
            }
            ForkResult::Parent { child } => ended(child)?,
        }
    }
    Ok(())
}

/// Forks processes that count and stay. Says a line when all have counted.
pub fn live(directory: &str, processes: u32, series: u32) -> Result<(), Box<dyn Error>> {
    headcount::init(Config::new().directory(directory))?;
    let (mut counted, says) = pipe()?;
    let mut children = Vec::new();
    for _ in 0..processes {
        // SAFETY: as in `fill`.
        match unsafe { fork() }? {
            ForkResult::Child => {
                count(series);
                (&says).write_all(b".")?;
                // Ends with the parent's.
                let _ = std::io::stdin().read(&mut [0]);
                process::exit(0);
            }
            ForkResult::Parent { child } => children.push(child),
        }
    }
    drop(says);
    counted.read_exact(&mut vec![0; children.len()])?;
    println!("counted");
    let _ = std::io::stdin().read(&mut [0]);
    children.into_iter().try_for_each(ended)
}

fn ended(child: Pid) -> Result<(), Box<dyn Error>> {
    let status = waitpid(child, None)?;
    if status == WaitStatus::Exited(child, 0) {
        Ok(())
    } else {
        Err(format!("a process ended with {status:?}").into())
    }
}

/// Counts in so many threads at once, each in all series.
pub fn threads(directory: &str, threads: usize, series: u32) -> Result<(), Box<dyn Error>> {
    headcount::init(Config::new().directory(directory))?;
    let all = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                count(series);
                // A thread that ended would leave its shard to the next.
                all.wait();
            });
        }
    });
    Ok(())
}
