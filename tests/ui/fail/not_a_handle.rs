use headcount::metric;

#[derive(Clone, Copy)]
struct Other;

/// A.
#[metric(name = "a_total")]
static A: Other;

/// B.
#[metric(name = "b_total")]
fn b(n: u8) -> Other;

fn main() {
    let _ = (A, b(1));
}
