use headcount::count_exceptions;

#[count_exceptions(name = "failures_total", error_labels(kind = error.code()))]
fn f() -> Result<(), u8> {
    Ok(())
}

#[count_exceptions(error_labels(kind))]
fn g() -> Result<(), u8> {
    Ok(())
}

#[count_exceptions(name = "failures_total", error_labels(kind))]
fn h() -> Option<u8> {
    None
}

fn main() {
    let _ = (f(), g(), h());
}
