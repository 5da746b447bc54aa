use headcount::{Counter, counted, metric};

/// Calls.
#[metric(name = "calls_total")]
static CALLS: Counter;

#[counted(metric = CALLS, name = "jobs_total", help = "Jobs.", labels(kind = 1))]
fn f() {}

fn main() {
    f();
}
