//! A program under test on a disk that is full: of what its dead have left, and of a file that
//! fills the rest. The disk is a mount of its own, so that a scenario is one command. It doesn't
//! count itself; what its children find it judges as a collector, and tells.

#![allow(clippy::print_stdout, reason = "what a scenario has found is printed")]
#![expect(unsafe_code, reason = "fork, and an allocator that records")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use headcount::{Collector, Config, Counter, Gauge, dynamic, metric};
use headcount_tests::mounted::{mount_megabyte, mount_memory};
use headcount_tests::oracle::Oracle;
use headcount_tests::program::number;
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// What everyone counts.
#[metric(name = "work_total")]
static WORK: Counter;
/// What each counts in a row of its own.
#[metric(name = "rows_total")]
fn rows(of: u32) -> Counter;
/// A gauge: programs without one have a process's shard of zeros.
#[metric(name = "level_max", mode = "max")]
static LEVEL: Gauge;
/// What the allocator counts.
#[metric(name = "allocations_total")]
static ALLOCATED: Counter;

/// Bytes.
const PAGE: u64 = 4096;

/// The system's allocator. It records where it is told to, and holds the thread that compacts until
/// others have done what they are to do meanwhile.
struct Recording;

#[global_allocator]
static ALLOCATOR: Recording = Recording;

thread_local! {
    static RECORDS: Cell<bool> = const { Cell::new(false) };
    static WAITS_IN_FOLDING: Cell<bool> = const { Cell::new(false) };
}

/// 1: a thread is in the middle of compacting; 2: it may go on.
static STAGE: AtomicU32 = AtomicU32::new(0);
/// Allocations that were counted.
static ALLOCATIONS: AtomicU32 = AtomicU32::new(0);

// SAFETY: everything is done by the system's allocator; what is done beside it allocates nothing
// without asking here again, and then nothing is done beside it.
unsafe impl GlobalAlloc for Recording {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if RECORDS.replace(false) {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
            ALLOCATED.inc();
            RECORDS.set(true);
        }
        if WAITS_IN_FOLDING.get() && is_compacting() {
            WAITS_IN_FOLDING.set(false);
            STAGE.store(1, Ordering::Release);
            while STAGE.load(Ordering::Acquire) < 2 {
                thread::yield_now();
            }
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) };
    }
}

/// Whether somebody has begun to compact in the working directory.
fn is_compacting() -> bool {
    // SAFETY: a string that ends with a zero; the call allocates nothing.
    unsafe { libc::access(c".compact.lock".as_ptr(), libc::F_OK) == 0 }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [directory, scenario, ref more @ ..] = arguments[..] else {
        panic!("no scenario: {arguments:?}")
    };
    let mounted = match (scenario, more) {
        ("files", [most, _]) => mount_memory(directory, &format!("nr_inodes={most}")),
        _ => mount_megabyte(directory),
    };
    if let Err(error) = mounted {
        println!("refused: {error}");
        return;
    }
    std::env::set_current_dir(directory).expect("it is there");
    match (scenario, more) {
        ("one", [dead, pages, kind]) => one(number(dead), number(pages), *kind == "gauge"),
        ("nothing-dead", []) => nothing_dead(),
        ("threads", [pages]) => threads(number(pages)),
        ("together", [workers]) => together(number(workers)),
        ("fork-meanwhile", []) => fork_meanwhile(),
        ("allocator", []) => allocator(),
        ("declare", []) => declare(),
        ("files", [_, dead]) => {
            // Each of them needs a file; it panics if it can't share its counts.
            die(number(dead), true);
            tell_page();
        }
        ("compact", [dead, pages, kind]) => compact(number(dead), number(pages), *kind == "gauge"),
        _ => panic!("no such scenario: {arguments:?}"),
    }
}

/// How a child's counting fares: `shared` or `private`, what it dropped, and what it sees of itself
/// where nobody else does.
struct Reported<'a>(&'a Oracle, usize);

impl Reported<'_> {
    const WORDS: usize = 4;

    fn tell(&self) {
        let health = headcount::health();
        let own = Collector::new().auto_compact(false).collect().expect("a snapshot");
        let text = own.to_text();
        self.word(0).store(1 + u64::from(health.is_shared()), Ordering::Release);
        self.word(1).store(health.dropped_operations(), Ordering::Release);
        self.word(2).store(sample(&text, "work_total"), Ordering::Release);
        let number = health.problem().and_then(headcount::Error::raw_os_error).unwrap_or(0);
        self.word(3).store(number.unsigned_abs().into(), Ordering::Release);
    }

    fn word(&self, at: usize) -> &std::sync::atomic::AtomicU64 {
        self.0.word(self.1 * Self::WORDS + at)
    }

    fn value(&self, at: usize) -> u64 {
        self.word(at).load(Ordering::Acquire)
    }

    fn is_shared(&self) -> bool {
        assert!(self.value(0) > 0, "it reported nothing");
        self.value(0) == 2
    }

    fn print(&self) {
        let state = if self.is_shared() { "shared" } else { "private" };
        let (dropped, own, problem) = (self.value(1), self.value(2), self.value(3));
        println!("worker: {state}, dropped {dropped}, sees {own}, problem {problem}");
    }
}

/// The value of the first sample of this name.
fn sample(text: &str, name: &str) -> u64 {
    let line = text
        .lines()
        .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value.map_or(0, |value| value.parse().expect("a whole number"))
}

/// Words that a whole family of processes shares; the file is on another disk.
fn reported() -> (tempfile::TempDir, Oracle) {
    let folder = temporary_directory(Medium::Disk);
    let oracle = Oracle::map(&folder.path().join("told"), 1024);
    (folder, oracle)
}

fn forked(child: impl FnOnce()) -> Pid {
    // SAFETY: the child runs this program's own code and ends by `exit`; the library holds nothing
    // over a fork, and what the C library's allocator holds it lets go of itself.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            child();
            exit(0);
        }
    }
}

#[track_caller]
fn ends_well(child: Pid) {
    assert_eq!(waitpid(child, None).expect("our child"), WaitStatus::Exited(child, 0));
}

fn init() -> Result<(), headcount::Error> {
    headcount::init(Config::new().directory(std::env::current_dir().expect("it is there")))
}

/// Processes that have counted 1, 2, 3, .. and are gone.
fn die(dead: u32, with_gauge: bool) {
    for i in 1..=dead {
        ends_well(forked(|| {
            init().expect("there is space");
            WORK.inc_by(i.into());
            rows(i % 5).inc();
            if with_gauge {
                LEVEL.set(i);
            }
        }));
    }
}

/// Fills the disk, up to so many pages.
fn fill(pages: u32) {
    let mut file = File::create("filler").expect("a file");
    let mut len = 0;
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {
        len += PAGE;
    }
    let len = len - PAGE * u64::from(pages);
    OpenOptions::new().write(true).open("filler").and_then(|file| file.set_len(len)).expect("ours");
    let stat = nix::sys::statvfs::statvfs(".").expect("it is there");
    assert_eq!(stat.blocks_available(), u64::from(pages), "full but for the pages");
}

fn tell_page() {
    let collector = Collector::from_directory(".").auto_compact(false);
    let snapshot = collector.collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let text = snapshot.to_text();
    let rows: u64 = text
        .lines()
        .filter(|line| line.starts_with("rows_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    let half_done = fs::read_dir(".").expect("readable").any(|entry| {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        name.starts_with(".tmp-") || name.starts_with(".archive-")
    });
    assert!(!half_done);
    println!(
        "page: work {}, rows {rows}, level {}",
        sample(&text, "work_total"),
        sample(&text, "level_max")
    );
}

/// A process declares and counts at run time, on a disk that gets full and then has space again.
fn declare() {
    init().expect("there is space yet");
    WORK.inc();
    let family = |number: u32| {
        let family = dynamic::counter(format!("declared_{number}_total"), "One of many.");
        family.labels(["of"]).register_family().expect("a full disk is no error here")
    };
    let kept = family(0).with_label_values(&["kept"]);
    kept.inc();
    fill(0);
    // Until what the process already has is used up.
    let mut families = Vec::new();
    for number in 1..=10_000 {
        if headcount::health().dropped_operations() > 0 {
            break;
        }
        let family = family(number);
        let handles: Vec<_> =
            (0..50).map(|row| family.with_label_values(&[&row.to_string()])).collect();
        for handle in &handles {
            handle.inc();
        }
        families.push(handles);
    }
    let health = headcount::health();
    assert!(health.dropped_operations() > 0, "the disk is full");
    let number = health.problem().and_then(headcount::Error::raw_os_error);
    println!("full: shared {}, problem {number:?}", health.is_shared());
    let dropped = health.dropped_operations();
    fs::remove_file("filler").expect("it is ours");
    // Space is asked for again, but not with each operation.
    let refused = families.pop().expect("it didn't fit").pop().expect("a row");
    eventually("a handle that found no space counts", || {
        refused.inc();
        (refused.get() > 0).then_some(())
    });
    // The handles of before, and new ones.
    families.iter().flatten().for_each(|handle| handle.inc_by(100));
    family(20_000).with_label_values(&["new"]).inc_by(7);
    kept.inc();
    let collector = Collector::from_directory(".").auto_compact(false);
    let snapshot = collector.collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let of = |name: &str, row: &str| snapshot.value(name, &[("of", row)]);
    let mut lost = 0;
    for (handles, number) in families.iter().zip(1..) {
        for row in 0..handles.len() {
            let value = of(&format!("declared_{number}_total"), &row.to_string());
            match value {
                Some(101.0) => {}
                Some(100.0) => lost += 1,
                other => panic!("declared_{number}_total of {row}: {other:?}"),
            }
        }
    }
    println!("lost while it was full: {lost} of {dropped}");
    println!("kept: {:?}", of("declared_0_total", "kept"));
    println!("new: {:?}", of("declared_20000_total", "new"));
}

/// A worker starts that finds so many pages.
fn one(dead: u32, pages: u32, with_gauge: bool) {
    die(dead, with_gauge);
    fill(pages);
    let (_folder, oracle) = reported();
    let worker = Reported(&oracle, 0);
    ends_well(forked(|| {
        let _ = init();
        WORK.inc_by(1_000);
        rows(77).inc();
        worker.tell();
    }));
    worker.print();
    tell_page();
}

/// What fills the disk isn't the dead.
fn nothing_dead() {
    fill(0);
    let (_folder, oracle) = reported();
    let (worker, child) = (Reported(&oracle, 0), Reported(&oracle, 1));
    ends_well(forked(|| {
        init().expect_err("there is no space");
        WORK.inc_by(5);
        // It tries for itself.
        ends_well(forked(|| {
            WORK.inc_by(3);
            child.tell();
        }));
        worker.tell();
    }));
    worker.print();
    child.print();
    fs::remove_file("filler").expect("ours");
    tell_page();
}

/// Sixteen threads record for the first time at once.
fn threads(pages: u32) {
    die(30, false);
    fill(pages);
    let (_folder, oracle) = reported();
    let worker = Reported(&oracle, 0);
    ends_well(forked(|| {
        let go = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    while !go.load(Ordering::Acquire) {
                        std::hint::spin_loop();
                    }
                    for _ in 0..100 {
                        WORK.inc();
                    }
                });
            }
            set_directory();
            go.store(true, Ordering::Release);
        });
        worker.tell();
    }));
    worker.print();
    tell_page();
}

/// The environment names the directory of who isn't told.
fn set_directory() {
    let here = std::env::current_dir().expect("it is there");
    // SAFETY: the threads that are there look at an atomic, and at no environment.
    unsafe { std::env::set_var("HEADCOUNT_DIR", here) };
}

/// So many workers start at once.
fn together(workers: u32) {
    die(30, false);
    fill(1);
    let (_folder, oracle) = reported();
    let go = oracle.word(1_000);
    let children: Vec<Pid> = (0..workers)
        .map(|i| {
            let worker = Reported(&oracle, i as usize);
            forked(|| {
                while go.load(Ordering::Acquire) == 0 {
                    std::hint::spin_loop();
                }
                let _ = init();
                WORK.inc_by(1_000);
                worker.tell();
            })
        })
        .collect();
    go.store(1, Ordering::Release);
    children.into_iter().for_each(ends_well);
    (0..workers).for_each(|i| Reported(&oracle, i as usize).print());
    tell_page();
}

/// While one thread compacts, another records, and a third forks: first a child that records, then
/// one that ends at once.
fn fork_meanwhile() {
    die(30, false);
    fill(1);
    let (_folder, oracle) = reported();
    let (worker, child) = (Reported(&oracle, 0), Reported(&oracle, 1));
    ends_well(forked(|| {
        set_directory();
        let (records, has_recorded) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                WAITS_IN_FOLDING.set(true);
                WORK.inc_by(1_000);
                WAITS_IN_FOLDING.set(false);
            });
            eventually("it compacts", || (STAGE.load(Ordering::Acquire) == 1).then_some(()));
            // It isn't blocked by who compacts, and neither is what it does.
            ends_well(forked(|| {
                WORK.inc_by(200);
                child.tell();
            }));
            scope.spawn(|| {
                records.store(true, Ordering::Release);
                WORK.inc_by(30);
                has_recorded.store(true, Ordering::Release);
            });
            eventually("another records", || records.load(Ordering::Acquire).then_some(()));
            // Asking doesn't wait.
            assert!(!headcount::health().has_started());
            // Time for it to go wrong in; nothing depends on how much.
            thread::sleep(Duration::from_millis(20));
            println!("recorded meanwhile: {}", has_recorded.load(Ordering::Acquire));
            STAGE.store(2, Ordering::Release);
        });
        worker.tell();
    }));
    child.print();
    worker.print();
    tell_page();
}

/// What allocates while it compacts records, in the same thread.
fn allocator() {
    die(30, false);
    fill(1);
    let (_folder, oracle) = reported();
    let worker = Reported(&oracle, 0);
    let allocations = oracle.word(900);
    ends_well(forked(|| {
        set_directory();
        RECORDS.set(true);
        WORK.inc_by(1_000);
        RECORDS.set(false);
        allocations.store(ALLOCATIONS.load(Ordering::Relaxed).into(), Ordering::Release);
        worker.tell();
        let text = Collector::new().auto_compact(false).collect().expect("a snapshot").to_text();
        oracle.word(901).store(sample(&text, "allocations_total"), Ordering::Release);
    }));
    worker.print();
    let [made, counted] = [900, 901].map(|at| oracle.word(at).load(Ordering::Acquire));
    println!("allocations: {made}, counted {counted}");
    tell_page();
}

/// An operator compacts.
fn compact(dead: u32, pages: u32, with_gauge: bool) {
    die(dead, with_gauge);
    fill(pages);
    match Collector::from_directory(".").compact() {
        Ok(compacted) => println!("compacted: {}", compacted.segments()),
        Err(error) => println!("error: {error}"),
    }
    tell_page();
}
