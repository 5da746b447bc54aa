//! How something is done during which this process doesn't fork.
//!
//! The store's mutex, which the fork handlers take, keeps forks away. Layers below the store don't
//! know it: they are handed this.

/// Calls a function while no other thread can fork this process; `false` if it wasn't called, since
/// this thread is inside an operation of the store.
#[derive(Clone, Copy)]
pub(crate) struct Forks(pub(crate) fn(&mut dyn FnMut()) -> bool);

impl Forks {
    /// Does something during which this process doesn't fork, unless from a signal handler. `None`
    /// where this thread is inside an operation.
    pub(crate) fn without<T>(self, what: impl FnOnce() -> T) -> Option<T> {
        let (mut what, mut done) = (Some(what), None);
        (self.0)(&mut || done = what.take().map(|what| what()));
        done
    }
}
