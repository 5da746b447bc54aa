use headcount::{Info, metric};

/// A.
#[metric(name = "a_info", labels(version = 1 + 1))]
static A: Info;

fn version() -> &'static str {
    "1"
}

/// B.
#[metric(name = "b_info", labels(version = version()))]
static B: Info;

fn main() {
    let _ = (A, B);
}
