use headcount::counted;

#[counted(name = "jobs_total", labels(queue, tenant))]
fn f(queue: &str) {
    let _ = queue;
}

fn main() {
    f("");
}
