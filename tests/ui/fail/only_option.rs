use headcount::count_exceptions;

#[count_exceptions(name = "finds_total", only = Some(_))]
fn f() -> Option<u8> {
    None
}

#[count_exceptions(name = "units_total", only = Error::Lost)]
fn g() {}

fn main() {
    f();
    g();
}
