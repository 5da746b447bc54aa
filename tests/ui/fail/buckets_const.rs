use headcount::timed;

const BOUNDS: [f64; 2] = [1.0, 0.5];

#[timed(name = "job_seconds", buckets = BOUNDS)]
fn f() {}

fn main() {
    f();
}
