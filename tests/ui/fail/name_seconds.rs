use headcount::timed;

#[timed(name = "job_ms")]
fn f() {}

fn main() {
    f();
}
