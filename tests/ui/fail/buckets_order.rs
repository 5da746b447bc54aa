use headcount::timed;

#[timed(name = "job_seconds", buckets = [1.0, 0.5])]
fn f() {}

fn main() {
    f();
}
