//! A third program under test: it has a metric of every kind, and leaves behind what processes
//! leave. Each scenario is one command, and ends by itself, when its input ends, or when it is
//! killed.

#![allow(clippy::print_stdout, reason = "what a scenario has found is printed")]
#![expect(unsafe_code, reason = "fork, and the end of the first thread alone")]

mod compaction;
mod metrics;
mod page;

use std::fs;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::exit;
use std::thread;

use headcount::Collector;
use headcount_tests::program::{number, start_in, wait_to_be_killed};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, Uid, fork, setuid};

use crate::compaction::{compact_full, compact_while_forking, removal_race};
use crate::metrics::{
    ADDED, MADE, MOST_RECENT, SIZE, count, queue_level, queue_size, tenant_calls, tenant_euros,
};
use crate::page::{golden, page};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["count", directory, n] => {
            start_in(directory);
            count(number(n));
        }
        ["hold", directory, n] => {
            start_in(directory);
            count(number(n));
            wait_to_be_killed();
        }
        ["hold-in-a-thread", directory, n] => {
            start_in(directory);
            count(number(n));
            thread::spawn(wait_to_be_killed);
            // SAFETY: the thread has nothing that others need, and runs nothing after this.
            unsafe { nix::libc::syscall(nix::libc::SYS_exit, 0) };
        }
        ["short-lived", directory, times] => short_lived(directory, number(times)),
        ["golden", folder] => golden(Path::new(folder)),
        ["page-text", directory] => {
            let snapshot = Collector::from_directory(directory).auto_compact(false).collect();
            print!("{}", snapshot.expect("a snapshot").to_text());
        }
        ["page", directory] => print!("{}", page(Path::new(directory))),
        ["obey", directory] => obey(directory),
        ["collect-as", uid, directory] => {
            setuid(Uid::from_raw(uid.parse().expect("a number"))).expect("root may");
            Collector::from_directory(directory).collect().expect("it may read");
            println!(
                "{}",
                Collector::from_directory(directory).compact().expect_err("it may not write")
            );
        }
        ["compact", directory] => compact(directory),
        ["compact-limited", directory, limit] => {
            setrlimit(Resource::RLIMIT_FSIZE, number(limit), number(limit)).expect("less");
            compact(directory);
        }
        ["compact-full", directory] => compact_full(directory),
        ["compact-while-forking", directory] => compact_while_forking(directory),
        ["removal-race", directory] => removal_race(directory),
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

fn forked(child: impl FnOnce()) -> Pid {
    // SAFETY: the child runs this program's own code and ends by `exit` or a signal; the library
    // holds nothing over a fork, and what the C library's allocator holds it lets go of itself.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            child();
            exit(0);
        }
    }
}

/// Workers that count one thing and end, one after the other. This process counts nothing.
fn short_lived(directory: &str, times: u64) {
    for _ in 0..times {
        let child = forked(|| {
            start_in(directory);
            MADE.inc();
            queue_level("mail").add(0.5);
            SIZE.observe(1.0);
        });
        waitpid(child, None).expect("our child");
    }
}

/// Does what it is told, line by line, and says so.
fn obey(directory: &str) {
    start_in(directory);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let said = match *words {
            ["inc", tenant, n] => {
                tenant_calls(tenant).inc_by(number(n));
                tenant_euros(tenant).inc_by(0.1);
                "done".to_owned()
            }
            ["level", queue] => {
                queue_level(queue).add(0.5);
                "done".to_owned()
            }
            ["added", level] => {
                ADDED.set(level.parse::<f64>().expect("a number"));
                "done".to_owned()
            }
            ["last", level] => {
                MOST_RECENT.set(level.parse::<f64>().expect("a number"));
                "done".to_owned()
            }
            ["observe", queue] => {
                queue_size(queue).observe(1.5);
                "done".to_owned()
            }
            ["remove", tenant] => tenant_calls(tenant).remove().to_string(),
            ["matching", family, label, value] => {
                headcount::remove_matching(family, &[(label, value)]).to_string()
            }
            ["clear", family] => headcount::remove_matching(family, &[]).to_string(),
            ["mark-dead", pid] => {
                let pid = pid.parse().expect("a pid");
                match headcount::mark_process_dead(pid).expect("the directory is ours") {
                    headcount::MarkedDead::Compacted(segments) => segments.to_string(),
                    _ => "0".to_owned(),
                }
            }
            _ => panic!("no such command: {line}"),
        };
        println!("{said}");
        std::io::stdout().flush().expect("someone listens");
    }
}

fn compact(directory: &str) {
    match Collector::from_directory(directory).compact() {
        Ok(compacted) => println!("compacted: {}", compacted.segments()),
        Err(error) => println!("error: {error}"),
    }
}

/// What there is to see of the dead's counts.
fn tell(directory: &str) {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    for line in snapshot.to_text().lines().filter(|line| line.starts_with("made_total ")) {
        println!("{line}");
    }
    let names = fs::read_dir(directory)
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = names.filter(|name| name != "filler").collect();
    names.sort();
    println!("files: {}", names.join(" "));
}
