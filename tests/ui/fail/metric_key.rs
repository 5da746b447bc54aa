use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total", outcome, buckets = [1.0], mode = "sum")]
static A: Counter;

fn main() {
    A.inc();
}
