use headcount::count_exceptions;

#[count_exceptions(error_if = |n| n.went_wrong())]
fn f() -> u8 {
    1
}

fn main() {
    f();
}
