use headcount::{Gauge, counted, in_progress, metric};

/// Running.
#[metric(name = "running", mode = "livesum")]
static RUNNING: Gauge;

#[in_progress(metric = RUNNING, oldest)]
fn f() {}

#[counted(oldest)]
fn g() {}

#[in_progress(oldest = true)]
fn h() {}

fn main() {}
