use headcount::{Gauge, metric};

/// A.
#[metric(name = "a_total", mode = "sum")]
static A: Gauge;

fn main() {
    A.set(1.0);
}
