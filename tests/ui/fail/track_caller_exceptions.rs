use headcount::{count_exceptions, counted, timed};

#[track_caller]
#[counted]
#[timed]
#[count_exceptions(panics = false)]
fn f() -> Result<u8, u8> {
    Ok(1)
}

fn main() {
    let _ = f();
}
