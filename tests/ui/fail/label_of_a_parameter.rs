use headcount::{LabelValue, counted};

#[counted(name = "jobs_total", labels(kind: T = kind))]
fn f<T: LabelValue>(kind: T) -> T {
    kind
}

fn main() {
    f(1);
}
