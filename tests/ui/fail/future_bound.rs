use std::any::Any;
use std::future::Future;

use headcount::timed;

#[timed]
fn f() -> impl Future<Output = ()> + Any {
    std::future::ready(())
}

fn main() {
    drop(f());
}
