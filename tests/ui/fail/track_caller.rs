use headcount::counted;

#[counted(outcome)]
#[track_caller]
fn f() -> u8 {
    1
}

fn main() {
    f();
}
