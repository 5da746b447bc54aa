use headcount::{Counter, Gauge, counted, in_progress, metric};

/// Calls.
#[metric(name = "calls_total")]
static CALLS: Counter;

/// Running.
#[metric(name = "running", mode = "sum")]
static RUNNING: Gauge;

#[counted(metric = CALLS, outcome)]
fn f() {}

#[in_progress(metric = |outcome| RUNNING)]
fn g() {}

fn main() {
    f();
    g();
}
