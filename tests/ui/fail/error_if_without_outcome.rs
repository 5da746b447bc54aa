use headcount::counted;

#[counted(error_if = |n| *n > 3)]
fn f() -> u8 {
    1
}

fn main() {
    f();
}
