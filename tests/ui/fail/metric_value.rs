use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total")]
static A: Counter = 3;

fn main() {
    A.inc();
}
