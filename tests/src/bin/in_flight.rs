//! A program under test whose calls stay in flight until it is told to end them: line by line, each
//! answered by one with the time between which and now it happened, in milliseconds. Its arguments
//! are `obey` and a directory.

#![allow(clippy::print_stdout, reason = "the answers")]

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io::{BufRead, Write};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use headcount::{Config, Counter, in_progress, metric};
use headcount_tests::calls::{block_on, poll};
use headcount_tests::child::in_child;

/// What a child has done.
#[metric(name = "done_total")]
static DONE: Counter;

/// Stays until it is told how to end.
#[in_progress(oldest)]
fn stay(begun: &Sender<()>, end: &Receiver<End>) {
    begun.send(()).expect("somebody waits");
    if end.recv().is_ok_and(|end| end == End::Panic) {
        std::panic::resume_unwind(Box::new("told to"));
    }
}

/// Is pending until it may end.
#[in_progress(name = "jobs_running", labels(queue), oldest, when = queue != "none")]
async fn job(queue: &str, may_end: &Mutex<bool>) {
    poll_fn(|_| if *may_end.lock().expect("no panic") { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// Calls itself so many times before it stays.
#[in_progress(name = "dives", oldest)]
fn dive(depth: u32, begun: &Sender<()>, end: &Receiver<End>) {
    if depth > 0 {
        return dive(depth - 1, begun, end);
    }
    begun.send(()).expect("somebody waits");
    let _ = end.recv();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Return,
    Panic,
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A call in flight.
enum Call {
    Thread(JoinHandle<()>, Sender<End>),
    Job(Job, &'static Mutex<bool>),
}

fn in_thread(call: impl FnOnce(&Sender<()>, &Receiver<End>) + Send + 'static) -> Call {
    let (begun, has_begun) = channel();
    let (sender, end) = channel();
    let thread = thread::spawn(move || call(&begun, &end));
    has_begun.recv().expect("it begins");
    Call::Thread(thread, sender)
}

fn started_job(queue: &str) -> Call {
    let may_end: &'static Mutex<bool> = Box::leak(Box::new(Mutex::new(false)));
    let queue: &'static str = Box::leak(queue.to_owned().into_boxed_str());
    let mut future: Job = Box::pin(job(queue, may_end));
    assert!(poll(future.as_mut()).is_pending());
    Call::Job(future, may_end)
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()
}

fn main() {
    let directory = std::env::args_os().nth(2).expect("a directory");
    headcount::init(Config::new().directory(directory)).expect("a fit directory");
    let mut calls = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let before = now();
        obey(&line, &mut calls);
        println!("{before}");
        std::io::stdout().flush().expect("someone listens");
    }
}

fn obey(line: &str, calls: &mut BTreeMap<String, Call>) {
    let words: Vec<&str> = line.split(' ').collect();
    match *words {
        ["stay", name] => {
            calls.insert(name.to_owned(), in_thread(stay));
        }
        ["dive", name, depth] => {
            let depth = depth.parse().expect("a number");
            let call = in_thread(move |begun, end| dive(depth, begun, end));
            calls.insert(name.to_owned(), call);
        }
        ["job", name, queue] => {
            calls.insert(name.to_owned(), started_job(queue));
        }
        ["end", name] => end(calls.remove(name).expect("it has begun"), End::Return),
        ["panic", name] => end(calls.remove(name).expect("it has begun"), End::Panic),
        ["cancel", name] => drop(calls.remove(name).expect("it has begun")),
        ["remove"] => {
            headcount::remove_matching("jobs_running_oldest_start_timestamp_seconds", &[]);
        }
        // The child's copies of the calls end there.
        ["fork"] => in_child(|| {
            DONE.inc();
            for (_, call) in std::mem::take(calls) {
                match call {
                    Call::Job(..) => end(call, End::Return),
                    // Its thread is the parent's.
                    Call::Thread(..) => std::mem::forget(call),
                }
            }
        }),
        ref other => panic!("{other:?}"),
    }
}

/// A call of a thread ends there, and a job in another thread than the one in which it began.
fn end(call: Call, how: End) {
    match call {
        Call::Thread(thread, sender) => {
            sender.send(how).expect("it waits");
            assert_eq!(thread.join().is_err(), how == End::Panic);
        }
        Call::Job(job, may_end) => {
            *may_end.lock().expect("no panic") = true;
            thread::spawn(move || block_on(job)).join().expect("it ends");
        }
    }
}
