use headcount::counted;

#[counted(name = "jobs_total", labels(a = job?, b = job.await, c = { return None }))]
fn f(job: Option<u8>) -> Option<u8> {
    job
}

fn main() {
    f(None);
}
