//! A measured future is `Send` if the plain one is, and may borrow.

use std::future::Future;

use headcount::{count_exceptions, counted, in_progress, timed};

#[counted(outcome)]
#[timed(name = "f_seconds", labels(a, len = b.len()))]
#[in_progress]
#[count_exceptions]
async fn f(a: &str, b: &mut Vec<u8>) -> Result<usize, std::num::ParseIntError> {
    std::future::ready(()).await;
    b.push(a.parse()?);
    Ok(b.len())
}

#[timed]
#[in_progress]
async fn g<T: Send>(t: T) -> T {
    std::future::ready(()).await;
    t
}

fn send<T>(_: impl Future<Output = T> + Send) {}

fn main() {
    let mut list = Vec::new();
    send(f("1", &mut list));
    send(g(String::new()));
}
