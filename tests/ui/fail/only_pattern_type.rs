use headcount::count_exceptions;

#[count_exceptions(only = std::num::IntErrorKind::Empty)]
fn f() -> Result<(), u8> {
    Ok(())
}

fn main() {
    let _ = f();
}
