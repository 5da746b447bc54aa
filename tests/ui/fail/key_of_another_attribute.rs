use headcount::counted;

#[counted(name = "jobs_total", buckets = [1.0])]
fn f() {}

fn main() {
    f();
}
