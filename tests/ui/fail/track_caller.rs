use headcount::counted;

#[counted(outcome)]
#[track_caller]
fn f() -> Option<Result<u8, u8>> {
    None
}

fn main() {
    f();
}
