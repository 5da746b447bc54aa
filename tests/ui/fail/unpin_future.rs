use std::future::Future;

use headcount::timed;

#[timed]
fn f() -> impl Future<Output = ()> + Unpin {
    std::future::ready(())
}

fn main() {
    drop(f());
}
