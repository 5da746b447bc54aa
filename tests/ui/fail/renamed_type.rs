use headcount::{Counter as Count, Info as Said, StateSet as States, metric};

/// A.
#[metric(name = "a")]
static A: Count;

/// B.
#[metric(name = "b_total", labels(version = "1"))]
static B: Count;

/// C.
#[metric(name = "c_info", unit = "info", labels(version = "1"))]
static C: Said;

/// C again.
#[metric(name = "c_info", mode = "sum", labels(version = "1"))]
static C_AGAIN: Said;

/// D.
#[metric(name = "d_count", mode = "sum")]
static D: States<bool>;

/// E.
#[metric(name = "e")]
static E: States<bool>;

fn main() {
    let _ = (A, B, C, D, E);
}
