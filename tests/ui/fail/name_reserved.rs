use headcount::counted;

#[counted(name = "headcount_jobs_total")]
fn f() {}

fn main() {
    f();
}
