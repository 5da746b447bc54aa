//! Functions whose machine code is looked at by the test `cost_assembly`, and counted by callgrind.

#![expect(
    clippy::no_mangle_with_rust_abi,
    reason = "a C function must not unwind, and guards against it: more than what is measured"
)]

use headcount::{Counter, Histogram, counted, metric};

/// What is counted.
#[metric(name = "hot_total")]
static HOT: Counter;

/// What is observed.
#[metric(name = "hot_seconds")]
static SIZE: Histogram;

/// One `Counter::inc`, and nothing else.
#[inline(never)]
#[expect(unsafe_code, reason = "a name that can be found in the assembly")]
#[unsafe(no_mangle)]
pub fn headcount_test_inc() {
    HOT.inc();
}

/// One bare `#[counted]`, and nothing else.
#[inline(never)]
#[expect(unsafe_code, reason = "a name that can be found in the assembly")]
#[unsafe(no_mangle)]
#[counted]
pub fn headcount_test_counted() {}

/// One `Histogram::observe`, and nothing else.
#[inline(never)]
#[expect(unsafe_code, reason = "a name that can be found in the assembly")]
#[unsafe(no_mangle)]
pub fn headcount_test_observe(value: f64) {
    SIZE.observe(value);
}

fn main() {
    for i in 0..1_000_u32 {
        headcount_test_inc();
        headcount_test_counted();
        headcount_test_observe(f64::from(i % 12));
    }
}
