use headcount::counted;

#[counted(name = "jobs_total", labels(a, b, c, d, e, f, g, h, i))]
fn f() {}

fn main() {
    f();
}
