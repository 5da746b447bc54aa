//! A second program under test, for what a program does to itself: signals at bad moments, limits,
//! closed descriptors, locked memory. Each scenario is one command, and each ends by itself or says
//! `ready` and waits to be killed.

#![allow(clippy::print_stdout, reason = "what a scenario has found is told on its output")]
#![expect(unsafe_code, reason = "fork, signal handlers, and an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::os::unix::thread::JoinHandleExt;
use std::path::Path;
use std::process::{Command, exit};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount::{Config, Counter, Gauge, Histogram, counted, metric};
use headcount_tests::allocating::{Marking, is_allocating};
use headcount_tests::child::{ended_well, forked, in_child, leave};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::pthread::pthread_kill;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{
    SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, raise, sigaction,
};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use nix::unistd::{ForkResult, Pid, fork};

/// What the scenarios count.
#[metric(name = "work_total")]
static WORK: Counter;
/// What children count, once they know that they are children.
#[metric(name = "children_total")]
static CHILDREN: Counter;
/// What is observed.
#[metric(name = "work_size", buckets = [1.0, 2.0])]
static SIZE: Histogram;
/// Sum over living processes.
#[metric(name = "depth_livesum", mode = "livesum")]
static DEPTH: Gauge;

#[counted(name = "hits_total", labels(id))]
fn hit(id: u32) {
    let _ = id;
}

#[counted(name = "rows_total", labels(id), max_series = 200_000)]
fn long_row(id: &str) {
    let _ = id;
}

/// So long that the log needs room every few rows.
fn row(id: u32) {
    long_row(&format!("{id:01000}"));
}

/// The allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is done by the other allocator; the rest touches an atomic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { Marking.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { Marking.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { Marking.dealloc(memory, layout) };
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["fork-in-operation", directory, what] => fork_in_operation(directory, what),
        ["fork-while-waiting", directory] => fork_while_waiting(directory),
        ["fork-inside", directory, then] => fork_inside(directory, then),
        ["fork-amid-collections", directory] => fork_amid_collections(directory),
        ["fork-inside-start", directory, micros] => fork_inside_start(directory, number(micros)),
        ["record-in-handler"] => record_in_handler(),
        ["limited", directory, resource, limit] => limited(directory, resource, number(limit)),
        ["no-descriptors", directory] => no_descriptors(directory),
        ["no-descriptors-in-child", directory] => no_descriptors_in_child(directory),
        ["lock-memory", directory, when] => lock_memory(directory, when),
        ["close-all", directory, files] => close_all(directory, Path::new(files)),
        ["remove", directory] => remove(directory),
        ["relative", parent] => relative(Path::new(parent)),
        ["full", directory] => full(directory),
        ["over-cap"] => over_cap(),
        ["not-a-number"] => not_a_number(),
        ["exec", directory] => {
            start_in(directory);
            DEPTH.set(5.0);
            WORK.inc_by(10);
            let error = Command::new("/proc/self/exe").arg("wait").exec();
            panic!("exec: {error}");
        }
        ["wait"] => wait_to_be_killed(),
        ["collect", directory] => collect(directory),
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn start_in(directory: &str) {
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
}

fn wait_to_be_killed() {
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// Counts 1,007: 1,000 in this thread and 7 in another.
fn work() {
    for i in 0..1_000 {
        WORK.inc();
        SIZE.observe(1.0);
        hit(i % 50);
    }
    let other = thread::Builder::new().stack_size(64 << 10).spawn(|| {
        WORK.inc_by(7);
        for _ in 0..7 {
            SIZE.observe(1.0);
            hit(0);
        }
    });
    other.expect("a thread").join().expect("it ends well");
}

/// What this process knows of itself.
fn tell() {
    let health = headcount::health();
    println!("shared: {}", health.is_shared());
    match health.problem() {
        Some(problem) => println!("problem: {problem}"),
        None => println!("no problem"),
    }
    println!("dropped: {} {}", health.dropped_series(), health.dropped_operations());
    let snapshot = headcount::Collector::new().collect().expect("a snapshot");
    print!("page:\n{}", snapshot.to_text());
}

fn on(signal: Signal, handler: extern "C" fn(i32)) {
    let action = SigAction::new(SigHandler::Handler(handler), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handlers here touch atomics, fork, and record, which is what is tested.
    unsafe { sigaction(signal, &action) }.expect("a handler");
}

fn alarm() -> Timer {
    let event = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGALRM, si_value: 0 });
    Timer::new(ClockId::CLOCK_MONOTONIC, event).expect("a timer")
}

fn ring(timer: &mut Timer, after: Duration) {
    let once = Expiration::OneShot(after.into());
    timer.set(once, TimerSetTimeFlags::empty()).expect("a timer can be set");
}

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
fn fork_in_operation(directory: &str, what: &str) {
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
fn fork_while_waiting(directory: &str) {
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
fn fork_inside(directory: &str, then: &str) {
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
fn fork_inside_start(directory: &str, micros: u64) {
    on(Signal::SIGALRM, fork_and_stay_here);
    let mut timer = alarm();
    ring(&mut timer, Duration::from_micros(micros));
    start_in(directory);
    WORK.inc();
    let _ = raise(Signal::SIGKILL);
}

/// Threads collect without end, and children that are forked meanwhile find whatever they were at.
fn fork_amid_collections(directory: &str) {
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

static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn record_here(_: i32) {
    WORK.inc();
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// A handler records in the counter that its thread records in.
fn record_in_handler() {
    WORK.inc();
    let mut counted = 1;
    on(Signal::SIGALRM, record_here);
    let mut timer = alarm();
    let interval = Expiration::Interval(Duration::from_micros(50).into());
    timer.set(interval, TimerSetTimeFlags::empty()).expect("a timer can be set");
    let started = Instant::now();
    while HANDLED.load(Ordering::Relaxed) < 5_000 && started.elapsed() < Duration::from_secs(20) {
        for _ in 0..1_000 {
            WORK.inc();
        }
        counted += 1_000;
    }
    drop(timer);
    println!("handled: {}", HANDLED.load(Ordering::Relaxed));
    println!("counted: {}", counted + HANDLED.load(Ordering::Relaxed));
    tell();
}

fn limited(directory: &str, resource: &str, limit: u64) {
    let resource = match resource {
        "file-size" => Resource::RLIMIT_FSIZE,
        "address-space" => Resource::RLIMIT_AS,
        _ => panic!("no such limit: {resource}"),
    };
    setrlimit(resource, limit, limit).expect("less than there was");
    match headcount::init(Config::new().directory(directory)) {
        Ok(()) => println!("init: fine"),
        Err(error) => println!("init: {error}"),
    }
    work();
    tell();
}

fn take_all_descriptors() -> Vec<File> {
    setrlimit(Resource::RLIMIT_NOFILE, 100, 100).expect("less than there was");
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

fn no_descriptors(directory: &str) {
    let taken = take_all_descriptors();
    assert!(taken.len() > 50);
    if let Err(error) = headcount::init(Config::new().directory(directory)) {
        println!("init: {error}");
    }
    work();
    drop(taken);
    work();
    tell();
}

/// A child has no descriptors for the moment of its first operation.
fn no_descriptors_in_child(directory: &str) {
    start_in(directory);
    work();
    in_child(|| {
        let taken = take_all_descriptors();
        WORK.inc();
        drop(taken);
        for _ in 0..100_000 {
            WORK.inc();
        }
        tell();
    });
}

fn resident() -> u64 {
    status("VmRSS:")
}

/// A line of the process's status, in KiB.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("such a line");
    number(line.trim().trim_end_matches(" kB"))
}

/// Locks all memory, or says that this needs a privilege, and ends.
fn lock_all(flags: MlockAllFlags) {
    if let Err(error) = mlockall(flags) {
        // Root may lock as much as there is: then it isn't a matter of privilege.
        let is_root = fs::metadata("/proc/self").expect("it is there").uid() == 0;
        let is_refused = error == Errno::EPERM || (error == Errno::ENOMEM && !is_root);
        assert!(is_refused, "mlockall: {error}");
        println!("refused: {error}");
        exit(0);
    }
}

fn lock_memory(directory: &str, when: &str) {
    let all = MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE;
    if when == "before" {
        lock_all(all);
    }
    start_in(directory);
    WORK.inc();
    if when == "after" {
        lock_all(all);
    }
    if when == "in-child" {
        in_child(|| {
            lock_all(MlockAllFlags::MCL_CURRENT);
            println!("resident: {}", resident());
            work();
            println!("resident: {}", resident());
        });
        return;
    }
    work();
    println!("resident: {}", resident());
}

/// A program that closes all descriptors that it doesn't know, as daemons do, and then opens its
/// own files.
fn close_all(directory: &str, files: &Path) {
    start_in(directory);
    work();
    for fd in 3..2_000 {
        let _ = nix::unistd::close(fd);
    }
    let open = |i: u32| File::create(files.join(i.to_string())).expect("a file");
    let mine: Vec<File> = (0..600).map(open).collect();
    for i in 50..990 {
        hit(i);
    }
    work();
    let is_untouched = |file: &File| {
        let metadata = file.metadata().expect("it is open");
        (metadata.len(), metadata.blocks()) == (0, 0)
    };
    in_child(|| {
        work();
        assert!(mine.iter().all(is_untouched), "a child touched the files");
    });
    assert!(mine.iter().all(is_untouched), "the files were touched");
    wait_to_be_killed();
}

fn remove(directory: &str) {
    start_in(directory);
    work();
    fs::remove_dir_all(directory).expect("ours");
    work();
    tell();
    in_child(work);
}

/// A program that starts with a relative directory and then goes to another, as daemons do.
fn relative(parent: &Path) {
    std::env::set_current_dir(parent).expect("it is there");
    start_in("metrics");
    work();
    std::env::set_current_dir("/").expect("it is there");
    in_child(work);
}

/// A filesystem that runs full, in a mount of this process only.
fn full(directory: &str) {
    let me = fs::metadata("/proc/self").expect("it is there");
    let is_mounted = || -> nix::Result<()> {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        let write = |file: &str, text: String| {
            fs::write(Path::new("/proc/self").join(file), text).map_err(|_| Errno::EPERM)
        };
        write("setgroups", "deny".to_owned())?;
        write("uid_map", format!("0 {} 1", me.uid()))?;
        write("gid_map", format!("0 {} 1", me.gid()))?;
        let flags = MsFlags::empty();
        mount(Some("tmpfs"), directory, Some("tmpfs"), flags, Some("size=1m,mode=0700"))
    };
    if let Err(error) = is_mounted() {
        println!("refused: {error}");
        return;
    }
    start_in(directory);
    WORK.inc();
    hit(0);
    let filler = Path::new(directory).join("filler");
    let mut file = File::create(&filler).expect("a file");
    while std::io::Write::write_all(&mut file, &[1; 1024]).is_ok() {}
    drop(file);
    // Some of these find room in blocks that are there already.
    for i in 1..900 {
        hit(i);
    }
    thread::spawn(|| WORK.inc_by(7)).join().expect("it ends well");
    WORK.inc_by(92);
    in_child(|| WORK.inc_by(100));
    fs::remove_file(&filler).expect("ours");
    tell();
    println!("again:");
    // Patience with a full disk ends.
    for i in 0..20_000 {
        hit(1_000 + i % 10);
    }
    tell();
}

fn allocations(of: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    of();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn over_cap() {
    for i in 0..1_500 {
        hit(i);
        hit(i);
        hit(i);
    }
    let again = || {
        for i in 0..10_000 {
            hit(2_000 + i % 7);
        }
    };
    println!("allocations: {}", allocations(again));
    let other = thread::spawn(move || {
        hit(0);
        hit(5_000);
        allocations(again)
    });
    println!("allocations: {}", other.join().expect("it ends well"));
    tell();
}

fn not_a_number() {
    SIZE.observe(1.0);
    for _ in 0..10 {
        SIZE.observe(f64::NAN);
    }
    tell();
}

/// What a collector that is nobody's process spends on a directory.
fn collect(directory: &str) {
    let snapshot = headcount::Collector::from_directory(directory).collect().expect("a snapshot");
    let text = snapshot.to_text();
    println!("peak: {}", status("VmHWM:"));
    for skipped in snapshot.skipped() {
        println!("skipped: {skipped}");
    }
    print!("page:\n{text}");
}
