use headcount::in_progress;

#[in_progress(name = "jobs", mode = "livesun")]
fn f() {}

#[in_progress(mode = "sum")]
fn g() {}

fn main() {
    f();
    g();
}
