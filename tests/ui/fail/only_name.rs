use headcount::count_exceptions;

pub enum Error {
    Timeout,
}
use Error::Timeout;

#[count_exceptions(name = "timeouts_total", only = Timeout)]
fn f() -> Result<(), Error> {
    Err(Timeout)
}

fn main() {
    let _ = f();
}
