use headcount::counted;

#[counted(name = "jobs_total", labels(pid = 1, __x = 1, quantile = 1, outcome = 1), outcome)]
fn f() {}

fn main() {
    f();
}
