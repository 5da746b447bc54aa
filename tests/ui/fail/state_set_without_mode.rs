use headcount::{StateSet, metric};

/// A.
#[metric(name = "a")]
static A: StateSet<bool>;

/// B.
#[metric(name = "b", mode = "most_recent")]
fn b(of: u8) -> StateSet<bool>;

fn main() {
    A.set(true);
    b(1).set(false);
}
