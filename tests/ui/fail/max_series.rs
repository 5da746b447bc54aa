use headcount::{Counter, counted, metric};

#[counted(name = "jobs_total", labels(id), max_series = 0)]
fn f(id: u8) -> u8 {
    id
}

#[counted(name = "other_jobs_total", labels(id), max_series = "many")]
fn g(id: u8) -> u8 {
    id
}

/// Jobs.
#[metric(name = "more_jobs_total", max_series = 3)]
static JOBS: Counter;

fn main() {
    f(1);
    g(1);
    JOBS.inc();
}
