//! The box that a measured future is put into may have to live longer than what the function's
//! type parameters stand for. The message is about the function, also on a block.

use std::future::Future;
use std::pin::Pin;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

struct Service<T>(fn() -> BoxFuture<'static, T>);

#[headcount::counted]
impl<T> Service<T> {
    fn other(&self) {}

    fn call(&self) -> BoxFuture<'static, T> {
        (self.0)()
    }
}

#[headcount::timed]
fn call<T>(service: &Service<T>) -> BoxFuture<'static, T> {
    service.call()
}

fn main() {}
