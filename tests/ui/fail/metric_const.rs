use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total")]
const A: Counter;

fn main() {
    A.inc();
}
