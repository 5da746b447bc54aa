#![deny(unused_must_use)]

use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total")]
fn a(kind: u8) -> Counter;

fn main() {
    a(1);
}
