use headcount::{counted, skip};

#[skip]
fn f() {}

#[skip]
#[counted]
fn g() {}

#[counted]
mod inner {
    #[headcount::skip(all)]
    pub fn h() {}
}

fn main() {
    f();
    g();
    inner::h();
}
