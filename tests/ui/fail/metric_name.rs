use headcount::{Counter, Histogram, metric};

/// A.
#[metric]
static A: Counter;

/// B.
#[metric(name = "sizes_kb")]
static B: Histogram;

fn main() {
    A.inc();
    B.observe(1.0);
}
