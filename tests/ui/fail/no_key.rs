use headcount::counted;

#[counted("jobs_total")]
fn f() {}

fn main() {
    f();
}
