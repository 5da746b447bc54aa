//! A program under test that does what it is told, line by line, and answers each line with one:
//! for tests that change the world between two of them. It ends with its input.

#![allow(clippy::print_stdout, reason = "the answers")]
#![expect(unsafe_code, reason = "fork")]

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::exit;
use std::thread;

use headcount::{Collector, Config, Counter, Gauge, counted, metric};
use headcount_tests::oracle::Oracle;
use headcount_tests::page::Page;
use headcount_tests::program::number;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// What each process has done.
#[metric(name = "done_total")]
fn done(who: &str) -> Counter;
/// What each process does while it lives.
#[metric(name = "depth_livesum", mode = "livesum")]
fn depth(who: &str) -> Gauge;

#[counted(name = "rows_total", labels(id), max_series = 200_000)]
fn long_row(id: &str) {
    let _ = id;
}

/// So long that the log needs space every few rows.
fn rows(from: u64, to: u64) {
    for id in from..to {
        long_row(&format!("{id:01000}"));
    }
}

fn main() {
    let who = std::env::args().nth(1).expect("a name");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        println!("{}", obey(&who, &line));
        std::io::stdout().flush().expect("someone listens");
    }
}

fn obey(who: &str, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    match *words {
        ["start", directory] => {
            return match headcount::init(Config::new().directory(directory)) {
                Ok(()) => "fine".to_owned(),
                Err(error) => error.to_string(),
            };
        }
        ["work", n] => {
            // One by one: each of them a store that the filesystem could refuse.
            for _ in 0..number(n) {
                done(who).inc();
            }
        }
        ["live", n] => depth(who).set(f64::from(n.parse::<u32>().expect("a number"))),
        // A thread has a shard of its own, which needs space of its own.
        ["thread", n] => {
            let (who, n) = (who.to_owned(), number(n));
            thread::spawn(move || done(&who).inc_by(n)).join().expect("it ends well");
        }
        // So many at a time, each with a shard of its own.
        ["threads", n] => {
            let all = std::sync::Barrier::new(number(n));
            thread::scope(|scope| {
                for _ in 0..number(n) {
                    scope.spawn(|| {
                        done(who).inc();
                        all.wait();
                    });
                }
            });
        }
        ["rows", from, to] => rows(number(from), number(to)),
        ["fork", n] => {
            // SAFETY: this program has one thread, so the child finds no lock held by a thread that
            // it does not have.
            match unsafe { fork() }.expect("fork") {
                ForkResult::Child => {
                    done(who).inc_by(number(n));
                    exit(0);
                }
                ForkResult::Parent { child } => {
                    let status = waitpid(child, None).expect("our child");
                    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
                }
            }
        }
        ["health"] => {
            let health = headcount::health();
            let (shared, dropped) = (health.is_shared(), health.dropped_operations());
            let problem = health.problem().map_or_else(String::new, ToString::to_string);
            return format!("{shared} {dropped} {problem}");
        }
        ["sees", sample] => {
            let text =
                Collector::new().auto_compact(false).collect().expect("a snapshot").to_text();
            let page = Page::parse(&text).expect("a page");
            return page.value(sample).map_or_else(|| "nothing".to_owned(), |n| n.to_string());
        }
        ["eat", acknowledged] => eat(who, Path::new(acknowledged)),
        _ => panic!("no such command: {line}"),
    }
    "done".to_owned()
}

/// Counts, with everything on record, and takes more and more memory, until somebody ends this.
fn eat(who: &str, acknowledged: &Path) -> ! {
    let oracle = Oracle::map(acknowledged, 2);
    let (account, done) = (oracle.account(0), done(who));
    let mut eaten = Vec::new();
    loop {
        for _ in 0..1_000 {
            account.enter(1, || done.inc());
        }
        eaten.push(vec![1_u8; 1 << 18]);
    }
}
