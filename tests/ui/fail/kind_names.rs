use headcount::{Counter, Gauge, Histogram, Info, StateSet, Summary, in_progress, metric};

/// A.
#[metric(name = "spent")]
static A: Counter<f64>;

/// B.
#[metric(name = "build", labels(version = "1"))]
static B: Info;

/// C.
#[metric(name = "phase_info", mode = "sum")]
static C: StateSet<bool>;

/// D.
#[metric(name = "worker_count", mode = "sum")]
static D: Gauge;

/// E.
#[metric(name = "size_bucket")]
static E: Histogram;

/// F.
#[metric(name = "size_sum")]
static F: Summary;

/// G.
#[metric(name = "file_created", mode = "max")]
static G: Gauge;

#[in_progress(name = "calls_info")]
fn h() {}

fn main() {
    let _ = (A, B, C, D, E, F, G, h());
}
