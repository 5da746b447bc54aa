use headcount::{Counter, Histogram, metric, timed};

/// Sizes.
#[metric(name = "a_bytes", native(schema = 6))]
static A: Histogram;

/// Sizes.
#[metric(name = "b_bytes", native(3))]
static B: Histogram;

/// Sizes.
#[metric(name = "c_bytes", native, buckets = [1.0])]
static C: Histogram;

/// Counts.
#[metric(name = "d_total", native)]
static D: Counter;

#[timed(native)]
fn e() {}

#[timed(name = "f_seconds", native(schema = 5), summary)]
fn f() {}

#[timed(metric = A, native)]
fn g() {}

fn main() {}
