//! A program under test that is killed at named places, and whose system calls are made to fail. It
//! does a bit of everything: a first use, many series, a second thread, a child, a compaction.
//!
//! What it does, and how it fares, it says in memory that it shares with the test: output takes
//! system calls.

#![allow(clippy::print_stdout, reason = "the names of the places, and that it is ready")]
#![expect(unsafe_code, reason = "fork, and leave to be traced")]

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use headcount::{
    Clean, Collector, Config, Counter, Histogram, LabelValue, ProcessMetrics, Value, metric,
};
use headcount_tests::exemplars::{context, value};
use headcount_tests::oracle::Oracle;
use headcount_tests::victim::{self, Report, Role};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
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

/// Rows with long values: the log needs more space again and again.
#[metric(name = "rows_total")]
fn rows(role: Who, id: &str) -> Counter;

/// Loads: in blocks of buckets that are new again and again.
#[metric(name = "loads", native)]
fn loads(role: Who) -> Histogram;

fn who(role: Role) -> Who {
    match role {
        Role::Main => Who::Main,
        Role::Thread => Who::Thread,
        Role::Child => Who::Child,
    }
}

/// Sixty of each kind, in series that are new to this process where `first` is new.
fn count(oracle: &Oracle, role: Role, first: u32) {
    let [works, joules, sizes, others, all_loads] = victim::accounts(oracle, role);
    let (who, is_thread) = (who(role), role == Role::Thread);
    for id in first..first + 60 {
        works.enter(1, || work(who).inc_with_exemplar(context(id.into())));
        joules.enter(1, || energy(who).inc());
        // One of the threads is enough to fill a page of cells with.
        sizes.enter(1, || size(who, if is_thread { id } else { id % 3 }).observe(1.0));
        others.enter(1, || rows(who, &format!("{:0400}", first + id % 15)).inc());
        // A block holds four powers of two.
        let load = f64::from(id % 60).exp2();
        all_loads.enter(1, || loads(who).observe(if is_thread { -load } else { load }));
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

#[cfg(feature = "__kill-points")]
mod faults {
    pub(super) use headcount::{
        __arm_kill_point as arm, __kill_points as names, __refuse as refuse, __stop_at as stop,
    };
}

/// The test builds this program with the feature.
#[cfg(not(feature = "__kill-points"))]
mod faults {
    pub(super) fn arm(place: &str, _: u32) {
        panic!("can't die at {place}: built without the feature __kill-points");
    }

    pub(super) fn stop(place: &str, _: u32) {
        panic!("can't stop at {place}: built without the feature __kill-points");
    }

    pub(super) fn names() -> Vec<&'static str> {
        Vec::new()
    }

    pub(super) fn refuse(_: &str, _: i32, _: u32) -> bool {
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
            refuse(refusals);
            let plan = Plan { when, place, nth: nth.parse().expect("a number") };
            run(directory, oracle, &plan, |_| {});
        }
        ["act", directory, action, place, nth, ref refusals @ ..] => {
            let nth = nth.parse().expect("a number");
            act(directory, action, || {
                refuse(refusals);
                faults::arm(place, nth);
            });
        }
        ["pause", directory, action, place] => act(directory, action, || faults::stop(place, 1)),
        ["fork-at", directory, action, place, child_stops_at] => {
            act(directory, action, || fork_at(place, child_stops_at));
        }
        ["exemplar-in-handler", directory, kind, place] => {
            exemplar_in_handler(directory, kind, place);
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

/// Calls that are to fail: `name=errno`, or `name=errno*times`.
fn refuse(refusals: &[&str]) {
    for refusal in refusals {
        let (call, errno) = refusal.split_once('=').expect("a call and a number");
        let (errno, times) = errno.split_once('*').unwrap_or((errno, "4294967295"));
        let [errno, times] = [errno, times].map(|number| number.parse().expect("a number"));
        let errno = i32::try_from(errno).expect("small");
        assert!(faults::refuse(call, errno, times), "{refusal}");
    }
}

/// What is done to a directory in which others have counted. From `now` on something may happen to
/// who does it.
fn act(directory: &str, action: &str, now: impl FnOnce()) {
    let collector = Collector::from_directory(directory);
    let clean = |what: &Clean| collector.clean(what).map(drop);
    let start = || headcount::init(Config::new().directory(directory));
    let done = match action {
        "compact" => {
            now();
            match collector.compact() {
                // Somebody else was faster.
                Err(error) if error.is_busy() => Ok(()),
                done => done.map(drop),
            }
        }
        "forget-the-dead" => {
            now();
            clean(&Clean::new().dead(true))
        }
        "forget-what-is-old" => {
            now();
            clean(&Clean::new().older_than(Duration::ZERO))
        }
        "forget-what-was-set-aside" => {
            now();
            clean(&Clean::new().unreadable(true))
        }
        "mark-dead" => {
            let segments = collector.segments().expect("readable");
            let pids: Vec<u32> = segments.iter().filter_map(headcount::SegmentInfo::pid).collect();
            now();
            pids.iter().try_for_each(|pid| collector.mark_process_dead(*pid).map(drop))
        }
        "write-the-ledger" | "mend-the-ledger" => {
            // Somebody whose time is to be written down.
            start().expect("the directory is fit");
            now();
            collector.process_metrics(ProcessMetrics::Sum).collect().map(drop)
        }
        "start" => {
            now();
            let started = start();
            NEWCOMER.inc_by(9);
            started
        }
        "count-in-private" => {
            now();
            // An error, as long as it is refused.
            let _ = start();
            NEWCOMER.inc_by(9);
            let own = Collector::new().auto_compact(false).collect().expect("a snapshot").to_text();
            assert!(own.contains("\nnewcomer_total 9\n"), "{own}");
            Ok(())
        }
        "make-for-a-group" => {
            now();
            let elsewhere = Path::new(directory).join("group/d");
            let group = nix::unistd::getegid().as_raw();
            headcount::init(Config::new().directory(elsewhere).group(group))
        }
        "remove" => {
            start().expect("the directory is fit");
            for id in ["gone-1", "gone-2", "gone-3"] {
                rows(Who::Main, id).inc();
            }
            now();
            assert_eq!(headcount::remove_matching("rows_total", &[]), 3);
            Ok(())
        }
        "rewrite-the-log" => {
            start().expect("the directory is fit");
            let come = || (0..600).for_each(|id| rows(Who::Main, &format!("gone-{id}")).inc());
            come();
            assert_eq!(headcount::remove_matching("rows_total", &[]), 600);
            come();
            now();
            // So many that the log is rewritten without them.
            assert_eq!(headcount::remove_matching("rows_total", &[]), 600);
            Ok(())
        }
        _ => panic!("no such action: {action}"),
    };
    done.unwrap_or_else(|error| panic!("{action}: {error}"));
}

/// Where the child that [`fork_when_continued`] forks stops.
static CHILD_STOPS_AT: OnceLock<String> = OnceLock::new();

/// Stops this process at `place`. When it is continued, a signal handler forks there. The child
/// returns into what was interrupted and stops at its own place; only then does the parent go on.
fn fork_at(place: &str, child_stops_at: &str) {
    CHILD_STOPS_AT.set(child_stops_at.to_owned()).expect("set once");
    let handler = SigHandler::Handler(fork_when_continued);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler forks, which this program's only thread may, and touches atomics.
    unsafe { sigaction(Signal::SIGCONT, &action) }.expect("a valid signal");
    faults::stop(place, 1);
}

extern "C" fn fork_when_continued(_: i32) {
    // SAFETY: no other thread exists that could hold a lock.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            faults::stop(CHILD_STOPS_AT.get().map_or("", String::as_str), 1);
        }
        Ok(ForkResult::Parent { child }) => {
            let _ = waitpid(child, Some(WaitPidFlag::WUNTRACED));
            println!("child: {child}");
        }
        Err(_) => {}
    }
}

/// The exemplars of the operations before, of the one that is interrupted, and of the handler.
const FIRST: u32 = 8;
const INTERRUPTED: u32 = 10;
const IN_HANDLER: u32 = 20;

/// How often a handler has recorded.
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// One event of each kind that has exemplars.
fn record_exemplars(n: u32) {
    let context = context(n.into());
    work(Who::Main).inc_with_exemplar(context);
    size(Who::Main, 0).observe_with_exemplar(value(n.into()), context);
    loads(Who::Main).observe_with_exemplar(value(n.into()), context);
}

/// Stops at `place`, in the middle of keeping an exemplar of this kind. When it is continued, a
/// handler records there, in the same series; then it goes on.
fn exemplar_in_handler(directory: &str, kind: &str, place: &str) {
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    // The thread's first use, after which its handlers may record.
    work(Who::Main).inc();
    size(Who::Main, 0).observe(value(1));
    loads(Who::Main).observe(value(1));
    let handler = SigHandler::Handler(record_when_continued);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler records, which a handler may, and touches atomics.
    unsafe { sigaction(Signal::SIGCONT, &action) }.expect("a valid signal");
    if !place.starts_with("exemplar.") {
        // The first exemplar of all, which has no place yet.
        faults::stop(place, 1);
    }
    record_exemplars(FIRST);
    let context = context(INTERRUPTED.into());
    let value = value(INTERRUPTED.into());
    faults::stop(place, 1);
    match kind {
        "counter" => work(Who::Main).inc_with_exemplar(context),
        "histogram" => size(Who::Main, 0).observe_with_exemplar(value, context),
        "native" => loads(Who::Main).observe_with_exemplar(value, context),
        _ => panic!("no such kind: {kind}"),
    }
    println!("handled: {}", HANDLED.load(Ordering::Acquire));
    for line in std::io::stdin().lines() {
        record_exemplars(line.expect("a line").parse().expect("a number"));
        println!("recorded");
    }
}

extern "C" fn record_when_continued(_: i32) {
    record_exemplars(IN_HANDLER);
    HANDLED.fetch_add(1, Ordering::AcqRel);
}

/// Counted by who comes to a directory of the dead.
#[metric(name = "newcomer_total")]
static NEWCOMER: Counter;

/// Counted by who has nothing to do with it.
#[metric(name = "bystander_total")]
static BYSTANDER: Counter;

/// Says that it is ready, and goes on when it is told to.
fn wait_to_be_traced(oracle: &Oracle) {
    let anyone = nix::libc::PR_SET_PTRACER_ANY;
    // SAFETY: takes numbers only. Where nobody restricts tracing the call is unknown, and not
    // needed.
    unsafe { nix::libc::prctl(nix::libc::PR_SET_PTRACER, anyone, 0, 0, 0) };
    let stage = victim::stage(oracle);
    stage.store(1, Ordering::Release);
    while stage.load(Ordering::Acquire) < 2 {
        thread::sleep(Duration::from_millis(1));
    }
}

fn run(directory: &str, oracle: &str, plan: &Plan<'_>, begin: impl FnOnce(&Oracle)) {
    let oracle = Oracle::map(Path::new(oracle), victim::WORDS);
    let report = |role: Role, what: Report, value: u64| {
        victim::report(&oracle, role, what).store(value, Ordering::Release);
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
    // SAFETY: the other thread may still be ending, and hold a lock of the standard library's: the
    // child ends without it.
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
    plan.now_is("compact");
    let compacted = Collector::from_directory(directory).compact();
    report(Role::Main, Report::Compacted, 1 + u64::from(compacted.is_err()));
    count(&oracle, Role::Main, 180);
    tell(&oracle, Role::Main);
}

/// What this process knows of its counting.
fn tell(oracle: &Oracle, role: Role) {
    let report = |what: Report, value: u64| {
        victim::report(oracle, role, what).store(value, Ordering::Release);
    };
    // Before it is asked: whoever asks can't drop anything.
    let snapshot = Collector::new().collect();
    let health = headcount::health();
    report(Report::Shared, u64::from(health.is_shared()));
    report(Report::DroppedOperations, health.dropped_operations());
    report(Report::Problem, u64::from(health.problem().is_some()));
    if let Ok(snapshot) = snapshot {
        for of in role.of_same_process() {
            for (kind, name) in victim::FAMILIES.iter().enumerate() {
                let series = snapshot.families().iter().filter(|family| family.name == *name);
                let series = series.flat_map(|family| &family.series);
                let ours = series.filter(|series| series.labels.get("role") == Some(of.label()));
                let value: f64 = ours
                    .map(|series| match &series.value {
                        Value::Counter(number) => number.as_f64(),
                        #[expect(clippy::cast_precision_loss, reason = "few")]
                        Value::Histogram(histogram) => histogram.count() as f64,
                        _ => 0.0,
                    })
                    .sum();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
                victim::seen(oracle, *of, kind).store(value as u64 + 1, Ordering::Release);
            }
        }
    }
    report(Report::Finished, 1);
}
