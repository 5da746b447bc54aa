use headcount::{Histogram, exponential_buckets, linear_buckets, metric, timed};

/// A.
#[metric(name = "a", buckets = linear_buckets::<3>(1.0, 0.0))]
static A: Histogram;

#[timed(name = "b_seconds", buckets = exponential_buckets::<3>(0.0, 2.0))]
fn b() {}

fn bounds() -> [f64; 2] {
    [1.0, 2.0]
}

/// C.
#[metric(name = "c", buckets = bounds())]
static C: Histogram;

fn main() {
    let _ = (A, b(), C);
}
