//! A call that is a future's: it begins with the first poll, and ends with the last, or when the
//! future is dropped before that.

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
    /// Not polled yet: no call.
    Made,
    Waiting,
    /// Seen by a drop only if the body unwinds.
    Polling,
    Done,
    /// The body is being dropped half way.
    Leaving,
    /// The same, because something else panicked.
    LeavingUnwinding,
}

/// The call of a watched body.
///
/// Nothing here is generic over the body, so it is compiled once for all functions with the same
/// attributes. What is generic over the body is compiled for each of them: there it is polled in one
/// place, and dropped in one.
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

    /// Before the body is polled.
    #[inline(never)]
    fn polls(&mut self) {
        if self.state == State::Made {
            self.begun.begin();
        }
        if self.state != State::Done {
            self.state = State::Polling;
        }
    }

    /// After the body was polled.
    #[inline(never)]
    fn polled(&mut self, is_ready: bool) {
        match (self.state, is_ready) {
            // What a future makes of a poll after its end, or after it has panicked, is its own
            // matter; if it has another value, that was another call.
            (State::Done, true) => self.begun.begin(),
            (State::Done, false) => {}
            (_, true) => self.state = State::Done,
            (_, false) => self.state = State::Waiting,
        }
    }

    /// Before the body is dropped.
    #[inline(never)]
    fn leaves(&mut self) {
        match self.state {
            // The body has unwound. Not `thread::panicking()`: a future may be dropped, unharmed,
            // because something else panicked.
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
    /// After the body was dropped.
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
    /// A future under watch. Its output is the call, to be ended, and the body's output.
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
        // Behind the body, and so dropped after it: the body's locals are part of the call.
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

/// Puts a future under watch.
#[inline]
pub fn watch<R: Recorder, F: Future>(body: F, recorders: R) -> Watch<R, F> {
    Watch { body, call: Watched::made(Begun::later(recorders, ())) }
}

/// The same where a [`Stop`](super::Stop) says when its body is done.
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
        // Recording doesn't unwind. Where it did, nothing would have to drop the value: each body
        // is without the code for that.
        let polled = ManuallyDrop::new(this.body.poll(cx));
        this.call.polled(polled.is_ready());
        match ManuallyDrop::into_inner(polled) {
            Poll::Ready(out) => Poll::Ready((Call::of(this.call.begun), out)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// A clone of a future is a call of its own, which begins with that clone's first poll.
impl<R: Recorder, F: Clone, E: Ending> Clone for Watch<R, F, E> {
    fn clone(&self) -> Self {
        Self { body: self.body.clone(), call: Watched::made(self.call.begun) }
    }
}

pin_project_lite::pin_project! {
    /// A future whose output goes through a function.
    #[must_use = "futures do nothing unless polled"]
    pub struct Ends<F, G> {
        #[pin]
        future: F,
        end: G,
    }
}

/// Gives what a watched future yields, calls and value, to the function that ends the calls.
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
