use headcount::counted;

#[counted(when = 3)]
fn f() {}

#[counted(when = sampled()?)]
fn g() -> Option<u8> {
    None
}

fn main() {
    f();
    g();
}
