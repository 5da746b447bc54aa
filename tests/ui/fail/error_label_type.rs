use headcount::count_exceptions;

#[count_exceptions(name = "failures_total", error_labels(kind))]
fn f() -> Result<(), Vec<u8>> {
    Ok(())
}

fn main() {
    let _ = f();
}
