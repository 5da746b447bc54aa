use headcount::{StateSet, metric};

/// A.
#[metric(name = "a", mode = "sum")]
static A: StateSet<u8>;

pub struct Phase;

/// B.
#[metric(name = "b", mode = "sum")]
static B: StateSet<Phase>;

fn main() {
    let _ = (&A, &B);
}
