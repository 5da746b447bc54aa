//! A program whose signal handlers fork while its threads do whatever a program may do: in threads
//! of any shard, in every kind of operation. The children record, collect, fork again, and return
//! into what was interrupted.
//!
//! ```text
//! handlers <directory> <what> <rounds>
//! ```

#![allow(clippy::print_stdout, reason = "what it has found is printed")]
#![expect(unsafe_code, reason = "fork, and signal handlers")]

use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount::{
    Collector, Config, Counter, Gauge, Histogram, Info, LabelValue, StateSet, Summary,
    count_exceptions, counted, dynamic, in_progress, metric, timed,
};
use headcount_tests::allocating::{Marking, is_allocating};
use headcount_tests::child::ended_well;
use headcount_tests::program::number;
use headcount_tests::random::Random;
use nix::libc;
use nix::sys::pthread::{Pthread, pthread_kill};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{ForkResult, Pid, fork};

/// What children count, once they know that they are children.
#[metric(name = "children_total")]
static CHILDREN: Counter;
/// What is counted in whole numbers.
#[metric(name = "work_total")]
static WORK: Counter;
/// What is counted in fractions.
#[metric(name = "energy_total")]
static ENERGY: Counter<f64>;
/// What is observed.
#[metric(name = "work_size", buckets = [1.0, 2.0])]
static SIZE: Histogram;
/// What is summed.
#[metric(name = "wait")]
static WAIT: Summary;
/// A gauge that is set and added to.
#[metric(name = "depth", mode = "sum")]
static DEPTH: Gauge;
/// A gauge that remembers when it was set.
#[metric(name = "latest", mode = "mostrecent")]
static LATEST: Gauge;
/// Rows, new and known.
#[metric(name = "rows_total", max_series = 200_000)]
fn rows(id: u64) -> Counter;
/// An info.
#[metric(name = "release_info")]
fn release(number: &str) -> Info;

#[derive(Clone, Copy, LabelValue)]
enum Mood {
    Good,
    Bad,
}

/// A state set.
#[metric(name = "mood", mode = "all")]
static MOOD: StateSet<Mood>;

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
fn annotated(number: u64) -> Result<u64, u64> {
    if number % 2 == 0 { Ok(number) } else { Err(number) }
}

#[global_allocator]
static ALLOCATOR: Marking = Marking;

/// 0, [`FORKING`], the child that the handler forked, or -1 in that child.
static FORKED: AtomicI32 = AtomicI32::new(0);
const FORKING: i32 = i32::MIN;
/// What the child does in the handler.
static PLAN: AtomicU64 = AtomicU64::new(0);
/// Whether children are made without the fork handlers.
static IS_BARE: AtomicBool = AtomicBool::new(false);
/// Processes that were forked, of which each counts ten.
const GENERATIONS: u64 = 3;

unsafe extern "C" {
    /// Makes a child without calling fork handlers.
    fn _Fork() -> libc::pid_t;
}

/// The child's number, and 0 in the child.
fn make_child() -> i32 {
    if IS_BARE.load(Ordering::SeqCst) {
        // SAFETY: as `fork`, and it is async-signal-safe.
        let child = unsafe { _Fork() };
        if child == 0 {
            headcount::after_fork_in_child();
        }
        return child;
    }
    // SAFETY: the allocator was not interrupted; everything else that a fork may find half done is
    // what is tested.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => 0,
        Ok(ForkResult::Parent { child }) => child.as_raw(),
        Err(_) => -1,
    }
}

extern "C" fn fork_here(_: i32) {
    let order = (Ordering::SeqCst, Ordering::SeqCst);
    if is_allocating() || FORKED.compare_exchange(0, FORKING, order.0, order.1).is_err() {
        return;
    }
    let plan = PLAN.load(Ordering::SeqCst);
    match make_child() {
        0 => {
            FORKED.store(-1, Ordering::SeqCst);
            // Whatever happens, it does not stay.
            // SAFETY: a timer of this process's.
            unsafe { libc::alarm(180) };
            in_handler(plan, 1);
        }
        child => FORKED.store(child, Ordering::SeqCst),
    }
}

/// What a child does before it returns into what was interrupted.
fn in_handler(plan: u64, generation: u64) {
    match plan % 4 {
        // Only what it does when it is back.
        0 => {}
        1 => WORK.inc_by(0),
        2 => {
            record_all();
            let page = Collector::new().collect().expect("a snapshot").to_text();
            assert!(page.contains("children_total"), "{page}");
        }
        _ => record_all(),
    }
    if plan % 8 >= 4 && generation < GENERATIONS {
        match make_child() {
            // Not through this frame: each returns by itself.
            0 => in_handler(plan, generation + 1),
            child => {
                let ended = ended_well(Pid::from_raw(child));
                if ended.is_err() {
                    // SAFETY: ends the process.
                    unsafe { libc::_exit(70) };
                }
            }
        }
    }
}

/// One of everything; of some, what can't be told from what the parent does is of no consequence.
fn record_all() {
    WORK.inc_by(0);
    ENERGY.inc_by(0.0);
    SIZE.observe(1.0);
    WAIT.observe(1.0);
    DEPTH.add(0.0);
    LATEST.set(1.0);
    MOOD.set(Mood::Bad);
    rows(7).inc_by(0);
    release("1").set();
    let _ = annotated(2);
    // What its parent may be declaring, and what nobody else declares.
    declared("known", 0);
    declared("own", u64::from(std::process::id()));
    metrics::counter!("facade_moves", "of" => "all").increment(0);
}

/// Declares a family, and makes a row.
fn declared(what: &str, number: u64) {
    let family = dynamic::counter(format!("declared_{what}_{number}_total"), "Declared.");
    let family = family.labels(["of"]).register_family();
    family.expect("nothing contradicts it").with_label_values(&["all"]).inc();
}

static STOP: AtomicBool = AtomicBool::new(false);
/// Threads that have done everything once: nobody is inside a first use any more.
static READY: AtomicU64 = AtomicU64::new(0);
/// Operations that have returned in the first process.
static DONE: AtomicU64 = AtomicU64::new(0);

/// Does one thing over and over. Whoever finds that it has become another process ends there.
fn interrupted(what: &str, thread: u64) {
    let mut number = thread << 32;
    let mut operate = operation(what);
    while !STOP.load(Ordering::Relaxed) {
        number += 1;
        operate(number);
        if FORKED.load(Ordering::SeqCst) == -1 {
            CHILDREN.inc_by(10);
            record_all();
            // Once more, now that it has a segment for certain.
            operate(number);
            // SAFETY: ends the process.
            unsafe { libc::_exit(0) };
        }
        DONE.fetch_add(1, Ordering::Relaxed);
    }
}

fn operation(what: &str) -> Box<dyn FnMut(u64)> {
    let collector = Collector::new().auto_compact(false);
    let mut allowed = 0_u64;
    match what {
        "counter" => Box::new(|_| WORK.inc()),
        "float" => Box::new(|_| ENERGY.inc_by(1.0)),
        "histogram" => Box::new(|_| SIZE.observe(1.0)),
        "summary" => Box::new(|_| WAIT.observe(1.0)),
        "gauge" => Box::new(|number| DEPTH.set(float(number))),
        "sum" => Box::new(|_| DEPTH.add(1.0)),
        "latest" => Box::new(|number| LATEST.set(float(number))),
        "mood" => Box::new(|_| MOOD.set(Mood::Good)),
        // What is removed stays in the log, which each child inherits.
        "info" => Box::new(|number| release(if number % 1_000 == 0 { "2" } else { "1" }).set()),
        "row" => Box::new(|number| rows(number % 100).inc()),
        "annotated" => Box::new(|number| {
            let _ = annotated(number);
        }),
        // Each child inherits them, so there are only so many.
        "new rows" => Box::new(move |number| {
            allowed += 1;
            if allowed < 1_000 { rows(number).inc() } else { rows(number % 1_000).inc() }
        }),
        // Each child inherits them, too.
        "declare" => Box::new(move |number| {
            allowed += 1;
            declared("known", if allowed < 300 { number } else { number % 50 });
        }),
        "facade" => Box::new(move |number| {
            allowed += 1;
            metrics::counter!("facade_moves", "of" => "all").increment(1);
            let name = if allowed < 300 { number } else { number % 50 };
            metrics::gauge!(format!("facade_{name}"), "of" => "x").set(1.0);
        }),
        "collect" => Box::new(move |_| drop(collector.collect())),
        "compact" => Box::new(|_| drop(Collector::new().compact())),
        "remove" => Box::new(|number| {
            rows(number % 4 + 1_000_000).inc();
            if number % 1_000 == 0 {
                headcount::remove_matching("rows_total", &[("id", "1000001")]);
            }
        }),
        _ => panic!("no such operation: {what}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [directory, what, rounds] = *arguments else { panic!("{arguments:?}") };
    let (what, is_bare) = what.strip_prefix("bare ").map_or((what, false), |what| (what, true));
    IS_BARE.store(is_bare, Ordering::SeqCst);
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    headcount_metrics::install().expect("the only one");
    let mut random = Random::seeded();
    // What a collection reads: rows in several shards.
    for id in 0..if what == "collect" { 4_000 } else { 100 } {
        rows(id).inc();
    }
    let action = SigAction::new(
        SigHandler::Handler(fork_here),
        SaFlags::SA_RESTART | SaFlags::SA_NODEFER,
        SigSet::empty(),
    );
    // SAFETY: the handler touches atomics, forks, and records, which is what is tested.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("a handler");
    // A child made without fork handlers may find the allocator's locks taken by threads that it
    // doesn't have: where it allocates, there are none.
    let last = if is_bare && what == "collect" { 1 } else { 5 };
    let threads: Vec<_> = (1..=last)
        .map(|number| {
            let what = what.to_owned();
            let before = READY.load(Ordering::Relaxed);
            let thread = thread::spawn(move || {
                // Each has a shard of its own, and of several pages.
                for id in 0..if what == "collect" { 4_000 } else { 600 } {
                    rows(id).inc();
                }
                READY.fetch_add(1, Ordering::Relaxed);
                interrupted(&what, number);
            });
            while READY.load(Ordering::Relaxed) == before {
                thread::yield_now();
            }
            thread
        })
        .collect();
    let targets: Vec<Pthread> = threads.iter().map(JoinHandleExt::as_pthread_t).collect();
    run(&targets, number(rounds), &mut random);
    STOP.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("it ends well");
    }
    println!("done: {}", DONE.load(Ordering::Relaxed));
}

fn run(threads: &[Pthread], rounds: u64, random: &mut Random) {
    let (mut failures, mut children) = (Vec::new(), 0);
    for round in 0..rounds {
        FORKED.store(0, Ordering::SeqCst);
        PLAN.store(round, Ordering::SeqCst);
        if round % 4 == 0 {
            // So that a collection in a child is soon done. Somebody else may be compacting.
            let _ = Collector::new().compact();
        }
        let target = *random.pick(threads);
        let started = Instant::now();
        let child = loop {
            // Again, where it came while the thread allocated.
            pthread_kill(target, Signal::SIGUSR1).expect("the thread lives");
            thread::sleep(Duration::from_micros(50 + random.below(150)));
            match FORKED.load(Ordering::SeqCst) {
                0 | FORKING => {}
                child => break child,
            }
            assert!(started.elapsed() < Duration::from_secs(120), "the handler never forked");
        };
        children += if round % 8 >= 4 { GENERATIONS } else { 1 };
        if let Err(status) = ended_well(Pid::from_raw(child)) {
            failures.push((round, status));
            if failures.len() > 5 {
                break;
            }
        }
    }
    println!("failures: {failures:?}");
    println!("children: {children}");
}
