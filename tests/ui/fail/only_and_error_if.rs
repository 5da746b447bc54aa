use headcount::count_exceptions;

#[count_exceptions(only = std::num::IntErrorKind::Empty, error_if = |found| found.is_ok())]
fn f() -> Result<(), std::num::IntErrorKind> {
    Ok(())
}

fn main() {
    let _ = f();
}
