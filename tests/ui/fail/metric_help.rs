use headcount::{Counter, metric};

#[metric(name = "a_total")]
static A: Counter;

fn main() {
    A.inc();
}
