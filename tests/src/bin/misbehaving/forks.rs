//! Forks at bad moments: inside of operations, of collections, of the first use.

use std::os::unix::thread::JoinHandleExt;
use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount_tests::allocating::is_allocating;
use headcount_tests::child::{ended_well, forked, leave};
use headcount_tests::program::{start_in, wait_to_be_killed};
use nix::sys::pthread::pthread_kill;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, raise};
use nix::unistd::{ForkResult, Pid, fork};

use crate::{CHILDREN, DEPTH, SIZE, WORK, alarm, on, ring, row};

/// 0, the child that the handler forked, or -1 in that child.
static FORKED: AtomicI32 = AtomicI32::new(0);

extern "C" fn fork_here(_: i32) {
    if is_allocating() || FORKED.load(Ordering::SeqCst) != 0 {
        return;
    }
    // SAFETY: the allocator was not interrupted; everything else that a fork may find half done is
    // what is tested.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => FORKED.store(-1, Ordering::SeqCst),
        Ok(ForkResult::Parent { child }) => FORKED.store(child.as_raw(), Ordering::SeqCst),
        Err(_) => {}
    }
}

/// A handler that interrupted an operation forks; the child returns into the middle of it, and
/// counts ten more.
pub(crate) fn fork_in_operation(directory: &str, what: &str) {
    start_in(directory);
    if what == "limited" {
        // Private memory that is accessible counts against this limit, all of it at once.
        setrlimit(Resource::RLIMIT_DATA, 512 << 20, 512 << 20).expect("less than there was");
    }
    on(Signal::SIGALRM, fork_here);
    let mut timer = alarm();
    let mut counted: u64 = 0;
    let mut failures = Vec::new();
    for round in 0..100 {
        FORKED.store(0, Ordering::SeqCst);
        ring(&mut timer, Duration::from_micros(300 + round * 7_919 % 1_700));
        while FORKED.load(Ordering::Relaxed) == 0 {
            for _ in 0..1_000 {
                if what == "histogram" {
                    SIZE.observe(1.0);
                } else {
                    WORK.inc();
                }
            }
            counted += 1_000;
        }
        let child = FORKED.load(Ordering::SeqCst);
        if child == -1 {
            CHILDREN.inc_by(10);
            leave();
        }
        if let Err(status) = ended_well(Pid::from_raw(child)) {
            failures.push(status);
        }
    }
    println!("failures: {} {:?}", failures.len(), failures.first());
    println!("counted: {counted}");
}

/// A handler forks while its thread is in the cold path, most times waiting for the mutex that
/// another thread holds.
pub(crate) fn fork_while_waiting(directory: &str) {
    static ROUND: AtomicU64 = AtomicU64::new(0);
    static STOP: AtomicBool = AtomicBool::new(false);

    start_in(directory);
    on(Signal::SIGUSR1, fork_here);
    // New series take the mutex; but only so many in each round, since every child inherits them.
    let busy = |first: u32| {
        move || {
            let (mut next, mut allowed) = (first, 0);
            let mut round = u64::MAX;
            while !STOP.load(Ordering::Relaxed) {
                let now = ROUND.load(Ordering::Relaxed);
                if now != round {
                    (round, allowed) = (now, next + 20);
                }
                if next < allowed {
                    row(next);
                    next += 1;
                } else {
                    let _ = headcount::health();
                }
                if FORKED.load(Ordering::SeqCst) == -1 {
                    // The child, back from the handler. Its series are new too.
                    row(next + 50_000);
                    CHILDREN.inc_by(10);
                    leave();
                }
            }
        }
    };
    let interrupted = thread::spawn(busy(0));
    let holder = thread::spawn(busy(100_000));
    let mut failures = Vec::new();
    for round in 0..100 {
        FORKED.store(0, Ordering::SeqCst);
        ROUND.store(round, Ordering::Relaxed);
        let started = Instant::now();
        let child = loop {
            // Again, where it came while the thread allocated.
            pthread_kill(interrupted.as_pthread_t(), Signal::SIGUSR1).expect("the thread lives");
            thread::sleep(Duration::from_micros(100));
            let child = FORKED.load(Ordering::SeqCst);
            if child > 0 {
                break child;
            }
            if started.elapsed() > Duration::from_secs(60) {
                println!("failures: the handler never forked, or hangs in it");
                exit(0);
            }
        };
        if let Err(status) = ended_well(Pid::from_raw(child)) {
            failures.push(status);
            if failures.len() > 2 {
                break;
            }
        }
    }
    STOP.store(true, Ordering::Relaxed);
    interrupted.join().expect("it ends well");
    holder.join().expect("it ends well");
    println!("failures: {} {:?}", failures.len(), failures.first());
}

/// What the child of [`fork_inside`] does when it has counted.
static CHILD_RETURNS: AtomicBool = AtomicBool::new(false);

extern "C" fn fork_and_count_here(signal: i32) {
    fork_here(signal);
    if FORKED.load(Ordering::SeqCst) == -1 && !CHILD_RETURNS.load(Ordering::SeqCst) {
        count_in_child();
        // Forever inside the operation that was interrupted.
        wait_to_be_killed();
    }
    if FORKED.load(Ordering::SeqCst) == -1 {
        count_in_child();
    }
}

fn count_in_child() {
    for _ in 0..1_000 {
        CHILDREN.inc();
    }
}

/// A handler forks while its thread is in the cold path; the child counts 1,000 in the handler, and
/// stays there or returns. The parent is killed.
pub(crate) fn fork_inside(directory: &str, then: &str) {
    start_in(directory);
    DEPTH.set(5.0);
    CHILD_RETURNS.store(then == "returns", Ordering::SeqCst);
    on(Signal::SIGALRM, fork_and_count_here);
    let mut timer = alarm();
    let mut id = 0;
    while FORKED.load(Ordering::SeqCst) == 0 {
        ring(&mut timer, Duration::from_micros(1_500));
        // As the signal may come while memory is allocated, there are more than one.
        let started = Instant::now();
        while FORKED.load(Ordering::SeqCst) == 0 && started.elapsed() < Duration::from_millis(3) {
            row(id);
            id += 1;
        }
    }
    if FORKED.load(Ordering::SeqCst) == -1 {
        // Back from the handler: one more, so that it has a segment in any case.
        WORK.inc();
        wait_to_be_killed();
    }
    let _ = raise(Signal::SIGKILL);
}

extern "C" fn fork_and_stay_here(signal: i32) {
    fork_here(signal);
    if FORKED.load(Ordering::SeqCst) == -1 {
        wait_to_be_killed();
    }
}

/// A handler forks, most times while its thread makes the process's segment. The child stays in it,
/// and the parent is killed.
pub(crate) fn fork_inside_start(directory: &str, micros: u64) {
    on(Signal::SIGALRM, fork_and_stay_here);
    let mut timer = alarm();
    ring(&mut timer, Duration::from_micros(micros));
    start_in(directory);
    WORK.inc();
    let _ = raise(Signal::SIGKILL);
}

/// Threads collect without end, and children that are forked meanwhile find whatever they were at.
pub(crate) fn fork_amid_collections(directory: &str) {
    const FORKS: u64 = 150;
    start_in(directory);
    WORK.inc();
    let collect = || headcount::Collector::new().auto_compact(false).collect().expect("a snapshot");
    let page = || collect().to_text();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        assert!(page().contains("work_total "));
                    }
                })
            })
            .collect();
        for number in 1..=FORKS {
            let child = forked(|| {
                WORK.inc();
                // The second time by what the first has kept.
                for _ in 0..2 {
                    let total = format!("\nwork_total {}\n", number + 1);
                    assert!(page().contains(&total), "{}", page());
                }
            });
            if let Err(how) = ended_well(child) {
                println!("child {number}: {how}");
            }
        }
        is_over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().expect("it collects");
        }
    });
    print!("page:\n{}", page());
}
