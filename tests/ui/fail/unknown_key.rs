use headcount::counted;

#[counted(nmae = "jobs_total")]
fn f() {}

fn main() {
    f();
}
