use std::future::Future;
use std::pin::Pin;

use headcount::timed;

type Alias = Pin<Box<dyn Future<Output = ()>>>;

#[timed]
fn f() -> Alias {
    Box::pin(async {})
}

fn main() {
    drop(f());
}
