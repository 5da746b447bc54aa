use headcount::{Counter, counted, metric};

/// Calls.
#[metric(name = "calls_total")]
static CALLS: Counter;

#[counted(metric = CALLS)]
#[counted(metric = CALLS)]
fn f() {}

fn main() {
    f();
}
