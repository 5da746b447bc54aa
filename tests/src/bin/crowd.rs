//! A program under test: eight threads count in 10,000 series, until its input ends.

#![allow(clippy::print_stdout, reason = "it tells how often it counted")]
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::env;
use std::io::{self, Read};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use headcount::{Config, Counter, metric};

/// As many series as there may be.
#[metric(name = "crowd_total", max_series = 10_000)]
fn crowd(row: &str) -> Counter;

/// The system's allocator. It counts what the threads that count allocate, once they have counted
/// everywhere.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_ARMED: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: everything is done by the system's allocator; the rest touches an atomic and a
// thread-local without destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_ARMED.get() {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn main() {
    const THREADS: u64 = 8;
    let directory = env::args().nth(1).expect("a directory");
    headcount::init(Config::new().directory(directory)).expect("the directory is fit");
    let rows: Vec<String> = (0..10_000).map(|row| row.to_string()).collect();
    let (stop, everywhere) = (AtomicBool::new(false), Barrier::new(8));
    thread::scope(|scope| {
        let count = |thread: u64| {
            for row in &rows {
                crowd(row).inc();
            }
            everywhere.wait();
            IS_ARMED.set(true);
            let mut rounds = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                // Each from another place, so that they meet anywhere.
                let (before, from) = rows.split_at(1_000 * usize::try_from(thread).unwrap_or(0));
                for row in from.iter().chain(before) {
                    crowd(row).inc_by(thread + 1);
                }
                rounds += 1;
            }
            IS_ARMED.set(false);
            println!("thread {} rounds {rounds}", thread + 1);
        };
        for thread in 0..THREADS {
            scope.spawn(move || count(thread));
        }
        // Until the test has seen enough.
        let _ = io::stdin().read(&mut [0]);
        stop.store(true, Ordering::Relaxed);
    });
    println!("allocations {}", ALLOCATIONS.load(Ordering::Relaxed));
}
