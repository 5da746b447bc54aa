use headcount::counted;

#[counted(name = "jobs_total", labels(id, bytes))]
fn f(id: u8, bytes: Vec<u8>) {
    let _ = (id, bytes);
}

fn main() {
    f(1, vec![]);
}
