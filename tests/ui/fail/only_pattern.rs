use headcount::count_exceptions;

#[count_exceptions(only = 3 + 4)]
fn f() -> Result<(), u8> {
    Ok(())
}

fn main() {
    let _ = f();
}
