use headcount::{count_exceptions, counted};

#[counted(name = "jobs_total")]
#[count_exceptions(name = "jobs_total")]
fn f() {}

fn main() {
    f();
}
