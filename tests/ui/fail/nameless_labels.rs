use headcount::counted;

#[counted(labels(queue))]
fn f(queue: &str) {
    let _ = queue;
}

fn main() {
    f("");
}
