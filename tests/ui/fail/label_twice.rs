use headcount::counted;

#[counted(name = "jobs_total", labels(q = 1, q = 2))]
fn f() {}

fn main() {
    f();
}
