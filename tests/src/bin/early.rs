//! A program that records before `main`, in a constructor that runs before those that list what the
//! program declares.
//!
//! ```text
//! early <directory by HEADCOUNT_DIR>
//! ```

#![allow(clippy::print_stdout, reason = "what it has found is printed")]
#![expect(unsafe_code, reason = "a constructor")]

use std::time::Duration;

use headcount::{Counter, Gauge, counted, metric};

/// Counted before `main`.
#[metric(name = "early_total")]
static EARLY: Counter;
/// Counted in `main` only.
#[metric(name = "late_total")]
static LATE: Counter;
/// Never set.
#[metric(name = "never_set", mode = "sum")]
static NEVER: Gauge;
/// Rows that come later.
#[metric(name = "rows_total")]
fn rows(id: &str) -> Counter;

#[counted(name = "calls_total")]
fn call() {}

extern "C" fn constructor() {
    EARLY.inc();
    rows("early").inc();
    call();
}

/// Those with a number run before all that have none.
#[used]
// SAFETY: a function without arguments, which the loader calls once.
#[unsafe(link_section = ".init_array.00200")]
static CONSTRUCTOR: extern "C" fn() = constructor;

fn main() {
    // Nothing that takes the slow path: whoever looks from outside finds all that is declared.
    EARLY.inc();
    println!("begun");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    for _ in 0..246 {
        LATE.inc();
        call();
        rows("late").inc();
        std::thread::sleep(Duration::from_micros(100));
    }
    // Told by `Debug` alone, which registers nothing.
    println!("dropped: {}", headcount::health().dropped_operations());
    println!("{NEVER:?}");
}
