//! A call of a future. It begins with the first poll, and ends with the last one, or when the
//! future is dropped earlier.

use core::fmt;
use core::future::Future;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::thread;

use crate::model::outcome::Outcome;

use super::call::{Begun, Call, Ended, Ending};
use super::recorder::Recorder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not polled yet: there is no call.
    Made,
    Waiting,
    /// A drop sees this state only if the body unwinds.
    Polling,
    Done,
    /// The body is being dropped before it has ended.
    Leaving,
    /// The same, because something else panicked.
    LeavingUnwinding,
}

/// The call of a watched body.
///
/// Nothing here is generic over the body, so it is compiled once for all functions with the same
/// attributes. The generic code is compiled for each body, which it polls in one place and drops in
/// one.
#[derive(Debug)]
struct Watched<R: Recorder, E: Ending> {
    begun: Begun<R, E>,
    state: State,
}

impl<R: Recorder, E: Ending> Watched<R, E> {
    #[inline]
    fn made(begun: Begun<R, E>) -> Self {
        Self { begun, state: State::Made }
    }

    /// Called before the body is polled.
    #[inline(never)]
    fn polls(&mut self) {
        if self.state == State::Made {
            self.begun.begin();
        }
        if self.state != State::Done {
            self.state = State::Polling;
        }
    }

    /// Called after the body was polled.
    #[inline(never)]
    fn polled(&mut self, is_ready: bool) {
        match (self.state, is_ready) {
            // What a future does if it is polled after its end, or after a panic, is its own
            // matter. If it yields another value, that was another call.
            (State::Done, true) => self.begun.begin(),
            (State::Done, false) => {}
            (_, true) => self.state = State::Done,
            (_, false) => self.state = State::Waiting,
        }
    }

    /// Called before the body is dropped.
    #[inline(never)]
    fn leaves(&mut self) {
        match self.state {
            // The body has unwound. `thread::panicking()` would be wrong: a future may be dropped
            // normally because something else panicked.
            State::Polling => {
                self.state = State::Done;
                self.begun.finish(Outcome::Panic, 0);
            }
            State::Waiting if thread::panicking() => self.state = State::LeavingUnwinding,
            State::Waiting => self.state = State::Leaving,
            _ => {}
        }
    }
}

impl<R: Recorder, E: Ending> Drop for Watched<R, E> {
    /// Called after the body was dropped.
    #[inline(never)]
    fn drop(&mut self) {
        let outcome = match self.state {
            State::Leaving if thread::panicking() => Outcome::Panic,
            State::Leaving | State::LeavingUnwinding => Outcome::Cancelled,
            _ => return,
        };
        self.begun.finish(outcome, 0);
    }
}

pin_project_lite::pin_project! {
    /// A watched future. Its output is the call, which is still to be ended, and the body's output.
    ///
    /// It is `Unpin` if the body is.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Watch<R, F, E = ()>
    where
        R: Recorder,
        E: Ending,
    {
        #[pin]
        body: F,
        // Declared after the body, and so dropped after it: dropping the body's locals is part of
        // the call.
        call: Watched<R, E>,
    }

    impl<R, F, E> PinnedDrop for Watch<R, F, E>
    where
        R: Recorder,
        E: Ending,
    {
        fn drop(this: Pin<&mut Self>) {
            this.project().call.leaves();
        }
    }
}

/// Watches a future.
#[inline]
pub fn watch<R: Recorder, F: Future>(body: F, recorders: R) -> Watch<R, F> {
    Watch { body, call: Watched::made(Begun::later(recorders, ())) }
}

/// As [`watch`], if a [`Stop`](super::Stop) records the end of its body.
#[inline]
pub fn watch_until<R: Recorder, F: Future>(
    body: F,
    recorders: R,
    ended: &Ended,
) -> Watch<R, F, &Ended> {
    Watch { body, call: Watched::made(Begun::later(recorders, ended)) }
}

impl<R: Recorder, F: Future, E: Ending> Future for Watch<R, F, E> {
    type Output = (Call<R, E>, F::Output);

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.call.polls();
        // Recording doesn't unwind. If it did, the value would not be dropped; without that
        // guarantee every body would contain code for it.
        let polled = ManuallyDrop::new(this.body.poll(cx));
        this.call.polled(polled.is_ready());
        match ManuallyDrop::into_inner(polled) {
            Poll::Ready(out) => Poll::Ready((Call::of(this.call.begun), out)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// A clone of a future is another call, which begins with that clone's first poll.
impl<R: Recorder, F: Clone, E: Ending> Clone for Watch<R, F, E> {
    fn clone(&self) -> Self {
        Self { body: self.body.clone(), call: Watched::made(self.call.begun) }
    }
}

pin_project_lite::pin_project! {
    /// A future whose output is passed through a function.
    #[must_use = "futures do nothing unless polled"]
    pub struct Ends<F, G> {
        #[pin]
        future: F,
        end: G,
    }
}

/// Passes the output of a watched future, calls and value, to the function that ends the calls.
#[inline]
pub fn ends<F: Future, G: FnMut(F::Output) -> T, T>(future: F, end: G) -> Ends<F, G> {
    Ends { future, end }
}

impl<F: Future, G: FnMut(F::Output) -> T, T> Future for Ends<F, G> {
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        this.future.poll(cx).map(this.end)
    }
}

impl<F: Clone, G: Clone> Clone for Ends<F, G> {
    fn clone(&self) -> Self {
        Self { future: self.future.clone(), end: self.end.clone() }
    }
}

impl<F: fmt::Debug, G> fmt::Debug for Ends<F, G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.future.fmt(formatter)
    }
}
