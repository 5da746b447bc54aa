use std::future::Future;

use headcount::counted;

#[counted]
fn f<F: Future>(f: F) -> F {
    f
}

fn main() {
    drop(f(async {}));
}
