use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total")]
fn a(bytes: Vec<u8>) -> Counter;

fn main() {
    a(Vec::new()).inc();
}
