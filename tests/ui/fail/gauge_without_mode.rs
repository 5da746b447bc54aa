use headcount::{Gauge, metric};

/// A.
#[metric(name = "a")]
static A: Gauge;

fn main() {
    A.set(1.0);
}
