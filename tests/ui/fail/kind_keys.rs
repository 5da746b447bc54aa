use headcount::{Counter, Info, StateSet, metric};

/// A.
#[metric(name = "a_info", unit = "info", buckets = [1.0], mode = "all", labels(version = "1"))]
static A: Info;

/// B.
#[metric(name = "b_states", unit = "states", buckets = [1.0], mode = "sum")]
static B: StateSet<bool>;

/// C.
#[metric(name = "c_total", mode = "mostrecent", max_series = 3)]
static C: Counter<f64>;

fn main() {
    let _ = (A, B, C);
}
