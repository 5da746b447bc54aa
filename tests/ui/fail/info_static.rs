use headcount::{Counter, Info, StateSet, metric};

/// A.
#[metric(name = "a_info")]
static A: Info;

/// B.
#[metric(name = "b_total", labels(version = "1"))]
static B: Counter;

/// C.
#[metric(name = "c_info", labels(version = "1"))]
fn c(version: &str) -> Info;

/// D.
#[metric(name = "d_info", labels(version, commit: &str = "x", commit = "y", pid = "1"))]
static D: Info;

/// E.
#[metric(name = "e_info", labels())]
static E: Info;

fn main() {
    let _ = (A, B, c("1"), D, E);
    let _: Option<StateSet<bool>> = None;
}
