use headcount::{Gauge, metric};

/// A.
#[metric(name = "a", mode = "livsum")]
static A: Gauge;

/// B.
#[metric(name = "b", mode = 3)]
static B: Gauge;

fn main() {
    A.set(1.0);
    B.set(1.0);
}
