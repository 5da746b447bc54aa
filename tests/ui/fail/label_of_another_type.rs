use headcount::counted;

#[counted(name = "jobs_total", labels(cached: bool = hits))]
fn f(hits: u32) -> u32 {
    hits
}

fn main() {
    f(1);
}
