use headcount::timed;

#[timed(name = "job_seconds", summary, buckets = [0.5, 1.0])]
fn f() {}

#[timed(summary)]
fn g() {}

fn main() {
    f();
    g();
}
