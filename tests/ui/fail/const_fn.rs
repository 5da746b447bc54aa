use headcount::{counted, timed};

#[counted]
#[timed]
const fn f() {}

fn main() {
    f();
}
