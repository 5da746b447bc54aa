use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total")]
fn a(queue: &str) -> Counter;

fn main() {
    a("mail").inc();
}
