use headcount::{Counter, counted, metric};

const DASHED: &str = "my-shop";
const OURS: &str = "headcount";
const NUMBER: u8 = 3;

/// A.
#[metric(namespace = DASHED, name = "a_total")]
static A: Counter;

#[counted(namespace = OURS, name = "b_total")]
fn b() {}

/// C.
#[metric(namespace = NUMBER, name = "c_total")]
static C: Counter;

fn main() {
    let _ = (A, b(), C);
}
