use headcount::{Counter, counted, metric};

struct Size(u8);

/// A.
#[metric(name = "a_total")]
fn a(bytes: Vec<u8>, size: Size) -> Counter;

#[counted(name = "b_total", labels(size))]
fn b(size: Size) -> u8 {
    size.0
}

fn main() {
    a(Vec::new(), Size(1)).inc();
    b(Size(1));
}
