use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total")]
static A: u32;

/// B.
#[metric(name = "b_total")]
static B: (Counter, Counter);

fn main() {
    let _ = (&A, &B);
}
