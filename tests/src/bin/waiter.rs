//! A program under test, for what it does while another process holds the directory's files: see
//! `process_waiting.rs`. Each scenario is one command.

#![allow(clippy::print_stdout, reason = "what a scenario has found is printed")]
#![expect(unsafe_code, reason = "fork, leases and locks")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::exit;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use headcount::{Clean, Collector, Config, Counter, ProcessMetrics, metric};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// What the scenarios count.
#[metric(name = "work_total")]
static WORK: Counter;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["count", directory] => {
            headcount::init(Config::new().directory(directory)).expect("the directory is fit");
            WORK.inc();
        }
        // Makes every file that a collector makes.
        ["compact", directory] => {
            let collector =
                Collector::from_directory(directory).process_metrics(ProcessMetrics::Sum);
            collector.compact().expect("compacted");
            collector.collect().expect("a snapshot");
        }
        ["act", directory] => act(directory),
        ["lease", path] => lease(path),
        ["lock", path] => lock(path),
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

/// Everything that a process does with its directory, in several threads at once.
fn act(directory: &str) {
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    WORK.inc();
    let begin = Barrier::new(2);
    thread::scope(|scope| {
        let collecting = scope.spawn(|| {
            let collector = Collector::new().process_metrics(ProcessMetrics::Sum);
            begin.wait();
            for _ in 0..3 {
                // Whatever they yield: what is held is left out.
                let _ = collector.collect();
                let _ = collector.compact();
                let _ = collector.clean(&Clean::new().unreadable(true));
                let _ = collector.clean(&Clean::new().older_than(Duration::from_secs(3_600)));
                let _ = collector.segments();
            }
        });
        begin.wait();
        for _ in 0..5 {
            // A first operation in a thread, and in a child.
            thread::spawn(|| WORK.inc()).join().expect("it counts");
            // SAFETY: the child counts and ends; it needs no lock that the other thread may hold,
            // but the library's own, which this is about.
            match unsafe { fork() }.expect("fork") {
                ForkResult::Child => {
                    WORK.inc();
                    let is_shared = headcount::health().is_shared();
                    // SAFETY: ends the process at once: what `exit` does first takes locks.
                    unsafe { nix::libc::_exit(i32::from(!is_shared)) };
                }
                ForkResult::Parent { child } => {
                    let status = waitpid(child, None).expect("it is our child");
                    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
                }
            }
        }
        collecting.join().expect("it collects");
    });
    println!("done: {}", headcount::health().is_shared());
}

/// Holds a lease on the file, and doesn't give it back when it is asked to: for as long as
/// `/proc/sys/fs/lease-break-time` says who opens the file has to wait.
fn lease(path: &str) {
    let file = File::options().read(true).write(true).open(path).expect("a file");
    // SAFETY: takes a lease on an open file; the pointer is none, but a number.
    let taken =
        unsafe { nix::libc::fcntl(file.as_raw_fd(), nix::libc::F_SETLEASE, nix::libc::F_WRLCK) };
    assert_eq!(taken, 0, "{}", std::io::Error::last_os_error());
    println!("held");
    stop(file);
}

/// Holds each kind of lock that there is.
fn lock(path: &str) {
    let file = File::options().read(true).write(true).open(path).expect("a file");
    let whole = nix::libc::flock {
        l_type: nix::libc::F_WRLCK.try_into().expect("small"),
        l_whence: nix::libc::SEEK_SET.try_into().expect("small"),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let other = File::options().read(true).write(true).open(path).expect("a file");
    for (file, kind) in [(&file, nix::libc::F_OFD_SETLK), (&other, nix::libc::F_SETLK)] {
        // SAFETY: reads a `struct flock`, which is alive. The second is refused where one process
        // holds the first: that is fine.
        let _ = unsafe { nix::libc::fcntl(file.as_raw_fd(), kind, &raw const whole) };
    }
    let file = Flock::lock(file, FlockArg::LockExclusiveNonblock).expect("free");
    println!("held");
    stop((file, other));
}

/// Until it is killed.
fn stop<T>(held: T) -> ! {
    let _ = raise(Signal::SIGSTOP);
    drop(held);
    exit(0);
}
