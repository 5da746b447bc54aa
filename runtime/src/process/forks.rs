//! Runs code during which this process doesn't fork.
//!
//! The store's mutex, which the fork handlers take, prevents forks. Layers below the store don't
//! know the mutex, so they are handed this value.

/// Calls a function while no other thread can fork this process. `false` if the function wasn't
/// called, because this thread is inside an operation of the store.
#[derive(Clone, Copy)]
pub(crate) struct Forks(pub(crate) fn(&mut dyn FnMut()) -> bool);

impl Forks {
    /// Runs `what`, during which this process doesn't fork, except in a signal handler. `None` if
    /// this thread is inside an operation.
    pub(crate) fn without<T>(self, what: impl FnOnce() -> T) -> Option<T> {
        let (mut what, mut done) = (Some(what), None);
        (self.0)(&mut || done = what.take().map(|what| what()));
        done
    }
}
