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

// Two errors for one type: the declaration asks the type for its kind, and the `static` or `fn` for
// a handle. These are two items, each of which rustc reports. A declaration that did not ask would
// have to assume a kind, and the rules for that kind would be a second, wrong error.
