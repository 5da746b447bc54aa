//! A call that is a future's: it begins with the first poll, and ends with the last, or when the
//! future is dropped before that.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

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
        // An option, so that a body that is dropped half way is dropped before the call ends: its
        // locals are part of the call.
        #[pin]
        body: Option<F>,
        begun: Begun<R, E>,
        state: State,
    }

    impl<R, F, E> PinnedDrop for Watch<R, F, E>
    where
        R: Recorder,
        E: Ending,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            match *this.state {
                State::Made | State::Done => {}
                // Not `thread::panicking()`: a future may be dropped, unharmed, because something
                // else panicked.
                State::Polling => this.begun.finish(Outcome::Panic, 0),
                State::Waiting => {
                    let call = Call::of(*this.begun);
                    this.body.set(None);
                    call.end(Outcome::Cancelled);
                }
            }
        }
    }
}

/// Puts a future under watch.
#[inline]
pub fn watch<R: Recorder, F: Future>(body: F, recorders: R) -> Watch<R, F> {
    Watch { body: Some(body), begun: Begun::later(recorders, ()), state: State::Made }
}

/// The same where a [`Stop`](super::Stop) says when its body is done.
#[inline]
pub fn watch_until<R: Recorder, F: Future>(
    body: F,
    recorders: R,
    ended: &Ended,
) -> Watch<R, F, &Ended> {
    Watch { body: Some(body), begun: Begun::later(recorders, ended), state: State::Made }
}

impl<R: Recorder, F: Future, E: Ending> Future for Watch<R, F, E> {
    type Output = (Call<R, E>, F::Output);

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(body) = this.body.as_pin_mut() else { return Poll::Pending };
        // What a future makes of a poll after its end, or after it has panicked, is its own matter;
        // if it has another value, that was another call. The body is polled in one place, since it
        // is compiled into each.
        let again = *this.state == State::Done;
        if *this.state == State::Made {
            *this.begun = this.begun.now();
        }
        if !again {
            *this.state = State::Polling;
        }
        let Poll::Ready(out) = body.poll(cx) else {
            if !again {
                *this.state = State::Waiting;
            }
            return Poll::Pending;
        };
        *this.state = State::Done;
        let begun = if again { this.begun.now() } else { *this.begun };
        Poll::Ready((Call::of(begun), out))
    }
}

/// A clone of a future is a call of its own, which begins with that clone's first poll.
impl<R: Recorder, F: Clone, E: Ending> Clone for Watch<R, F, E> {
    fn clone(&self) -> Self {
        Self { body: self.body.clone(), begun: self.begun, state: State::Made }
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
