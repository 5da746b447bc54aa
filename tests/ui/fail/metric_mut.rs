use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total")]
static mut A: Counter;

fn main() {}
