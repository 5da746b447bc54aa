//! A program under test that is killed at named places, and whose system calls are made to fail. It does a bit of everything: a first use,
//! many series, a second thread, a child, folding.
//!
//! What it does, and how it fares, it says in memory that it shares with the test: output takes system calls.

#![expect(clippy::print_stdout, reason = "the names of the places, and that it is ready")]
#![expect(unsafe_code, reason = "fork, and leave to be traced")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use headcount::{Collector, Config, Counter, Histogram, LabelValue, Value, metric};
use headcount_tests::oracle::Oracle;
use headcount_tests::scenario::{self, Report, Role};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Who counts.
#[derive(Clone, Copy, LabelValue)]
enum Who {
    Main,
    Thread,
    Child,
}

/// Work done: its series are there from the start.
#[metric(name = "work_total")]
fn work(role: Who) -> Counter;

/// Energy used.
#[metric(name = "energy_joules_total", unit = "joules")]
fn energy(role: Who) -> Counter<f64>;

/// Sizes: so many series that shards need a second page.
#[metric(name = "sizes", buckets = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])]
fn size(role: Who, id: u32) -> Histogram;

/// Rows with long values: the log needs more room again and again.
#[metric(name = "rows_total")]
fn rows(role: Who, id: &str) -> Counter;

fn who(role: Role) -> Who {
    match role {
        Role::Main => Who::Main,
        Role::Thread => Who::Thread,
        Role::Child => Who::Child,
    }
}

/// Sixty of each kind, in series that are new to this process where `first` is new.
fn count(oracle: &Oracle, role: Role, first: u32) {
    let [works, joules, sizes, others] = scenario::accounts(oracle, role);
    let (who, is_thread) = (who(role), role == Role::Thread);
    for id in first..first + 60 {
        works.enter(1, || work(who).inc());
        joules.enter(1, || energy(who).inc());
        // One of the threads is enough to fill a page of cells with.
        sizes.enter(1, || size(who, if is_thread { id } else { id % 3 }).observe(1.0));
        others.enter(1, || rows(who, &format!("{:0400}", first + id % 15)).inc());
    }
}

/// Where to die, and at what time that is decided.
struct Plan<'a> {
    when: &'a str,
    place: &'a str,
    nth: u32,
}

impl Plan<'_> {
    fn now_is(&self, when: &str) {
        if self.when == when {
            faults::arm(self.place, self.nth);
        }
    }
}

#[cfg(feature = "kill-points")]
mod faults {
    pub(super) use headcount::{
        __arm_kill_point as arm, __kill_points as names, __refuse as refuse,
    };
}

/// The test builds this program with the feature.
#[cfg(not(feature = "kill-points"))]
mod faults {
    pub(super) fn arm(place: &str, _: u32) {
        panic!("can't die at {place}: built without the feature kill-points");
    }

    pub(super) fn names() -> Vec<&'static str> {
        Vec::new()
    }

    pub(super) fn refuse(_: &str, _: i32) -> bool {
        false
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["names"] => faults::names().iter().for_each(|name| println!("{name}")),
        ["traced", directory, oracle] => {
            let plan = Plan { when: "never", place: "", nth: 0 };
            run(directory, oracle, &plan, wait_to_be_traced);
        }
        ["die", directory, oracle, when, place, nth, ref refusals @ ..] => {
            for refusal in refusals {
                let (call, errno) = refusal.split_once('=').expect("a call and a number");
                assert!(faults::refuse(call, errno.parse().expect("a number")), "{refusal}");
            }
            let plan = Plan { when, place, nth: nth.parse().expect("a number") };
            run(directory, oracle, &plan, |_| {});
        }
        ["bystander", directory] => {
            headcount::init(Config::new().directory(directory)).expect("the directory is fit");
            BYSTANDER.inc_by(7);
            println!("ready");
            loop {
                thread::park();
            }
        }
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

/// Counted by who has nothing to do with it.
#[metric(name = "bystander_total")]
static BYSTANDER: Counter;

/// Says that it is ready, and goes on when it is told to.
fn wait_to_be_traced(oracle: &Oracle) {
    let anyone = nix::libc::PR_SET_PTRACER_ANY;
    // SAFETY: takes numbers only. Where nobody restricts tracing the call is unknown, and not needed.
    unsafe { nix::libc::prctl(nix::libc::PR_SET_PTRACER, anyone, 0, 0, 0) };
    let stage = scenario::stage(oracle);
    stage.store(1, Ordering::Release);
    while stage.load(Ordering::Acquire) < 2 {
        thread::sleep(Duration::from_millis(1));
    }
}

fn run(directory: &str, oracle: &str, plan: &Plan<'_>, begin: impl FnOnce(&Oracle)) {
    let oracle = Oracle::map(Path::new(oracle), scenario::WORDS);
    let report = |role: Role, what: Report, value: u64| {
        scenario::report(&oracle, role, what).store(value, Ordering::Release);
    };
    let turn = AtomicBool::new(false);
    thread::scope(|scope| {
        // Here already: what the standard library does to make a thread is not what is to fail.
        let other = scope.spawn(|| {
            while !turn.load(Ordering::Acquire) {
                thread::park();
            }
            count(&oracle, Role::Thread, 60);
        });
        begin(&oracle);
        plan.now_is("start");
        let started = headcount::init(Config::new().directory(directory));
        report(Role::Main, Report::Started, 1 + u64::from(started.is_err()));
        count(&oracle, Role::Main, 0);
        plan.now_is("later");
        turn.store(true, Ordering::Release);
        other.thread().unpark();
    });
    plan.now_is("fork");
    // SAFETY: the other thread may still be ending, and hold a lock of the standard library's: the child ends without it.
    match unsafe { fork() }.expect("a child") {
        ForkResult::Child => {
            plan.now_is("child");
            count(&oracle, Role::Child, 120);
            tell(&oracle, Role::Child);
            // SAFETY: ends the process, and nothing else.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None);
            let ended_well = matches!(status, Ok(WaitStatus::Exited(_, 0)));
            report(Role::Child, Report::Failed, u64::from(!ended_well));
        }
    }
    plan.now_is("fold");
    let folded = Collector::open(directory).compact();
    report(Role::Main, Report::Folded, 1 + u64::from(folded.is_err()));
    count(&oracle, Role::Main, 180);
    tell(&oracle, Role::Main);
}

/// What this process knows of its counting.
fn tell(oracle: &Oracle, role: Role) {
    let report = |what: Report, value: u64| {
        scenario::report(oracle, role, what).store(value, Ordering::Release);
    };
    // Before it is asked: whoever asks can't drop anything.
    let snapshot = Collector::new().collect();
    let health = headcount::health();
    report(Report::Shared, u64::from(health.is_shared()));
    report(Report::DroppedOperations, health.dropped_operations());
    report(Report::Problem, u64::from(health.problem().is_some()));
    if let Ok(snapshot) = snapshot {
        for of in role.of_same_process() {
            for (kind, name) in scenario::FAMILIES.iter().enumerate() {
                let series = snapshot.families().iter().filter(|family| family.name == *name);
                let series = series.flat_map(|family| &family.series);
                let role = ("role".to_owned(), of.label().to_owned());
                let ours = series.filter(|series| series.labels.contains(&role));
                let value: f64 = ours
                    .map(|series| match &series.value {
                        Value::Counter(number) => number.as_f64(),
                        #[expect(clippy::cast_precision_loss, reason = "few")]
                        Value::Histogram(histogram) => histogram.count() as f64,
                        _ => 0.0,
                    })
                    .sum();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
                scenario::seen(oracle, *of, kind).store(value as u64 + 1, Ordering::Release);
            }
        }
    }
    report(Report::Finished, 1);
}
