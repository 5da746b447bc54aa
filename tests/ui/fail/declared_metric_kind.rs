use headcount::{Histogram, Counter, count_exceptions, counted, in_progress, metric, timed};

/// Calls.
#[metric(name = "calls_total")]
static CALLS: Counter;

/// Sizes.
#[metric(name = "sizes", buckets = [1.0])]
static SIZES: Histogram;

#[counted(metric = SIZES)]
fn f() {}

#[timed(metric = CALLS)]
fn g() {}

#[in_progress(metric = CALLS)]
fn h() {}

#[count_exceptions(metric = SIZES)]
fn i() {}

fn main() {
    f();
    g();
    h();
    i();
}
