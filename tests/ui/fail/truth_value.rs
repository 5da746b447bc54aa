use headcount::{count_exceptions, timed};

#[count_exceptions(panics)]
fn f() {}

#[timed(cancelled = 0)]
fn g() {}

fn main() {
    f();
    g();
}
