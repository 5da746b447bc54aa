//! One call, from its beginning to whichever end it finds.

use core::future::Future;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::clock;
use crate::operation::ON;
use crate::outcome::Outcome;
use crate::store::epoch;

use super::named::count;
use super::recorder::{End, Recorder};

/// What a call in progress remembers.
#[derive(Debug, Clone, Copy)]
struct Begun<R> {
    recorders: R,
    /// A call that began in the parent and ends in its forked child as well is the parent's alone.
    epoch: u32,
    at: clock::Moment,
}

impl<R: Recorder> Begun<R> {
    #[inline]
    fn now(recorders: R) -> Self {
        recorders.begin();
        // Last, so that the first use of a process isn't measured as part of its first call.
        let at = if R::CLOCK && ON { clock::now() } else { clock::Moment::NONE };
        Self { recorders, epoch: epoch(), at }
    }

    #[inline]
    fn finish(self, outcome: Outcome, matched: u32) {
        let nanos = if R::CLOCK && ON { self.at.elapsed_nanos() } else { 0 };
        if self.epoch == epoch() {
            self.recorders.finish(End::new(outcome, nanos, matched));
        }
    }
}

/// A call whose outcome is wanted. Dropped without [`end`](Call::end), it panicked.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct Call<R: Recorder>(Begun<R>);

/// Begins a call of a function that isn't a future.
#[inline]
pub fn enter<R: Recorder>(recorders: R) -> Call<R> {
    Call(Begun::now(recorders))
}

impl<R: Recorder> Call<R> {
    /// Ends the call.
    #[inline]
    pub fn end(self, outcome: Outcome) {
        self.end_with(outcome, 0);
    }

    /// Ends the call; `matched` says which patterns its error matched.
    #[inline]
    pub fn end_with(self, outcome: Outcome, matched: u32) {
        ManuallyDrop::new(self).0.finish(outcome, matched);
    }

    /// Counts in a series that is known only now, unless the call is another process's.
    #[inline]
    pub fn count_here(&self, slot: u32) {
        if self.0.epoch == epoch() {
            count(slot);
        }
    }
}

impl<R: Recorder> Drop for Call<R> {
    #[inline]
    fn drop(&mut self) {
        self.0.finish(Outcome::Panic, 0);
    }
}

/// A call of which only that it ended is wanted, however it does.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct Scope<R: Recorder>(Begun<R>);

/// Begins a call that ends with its scope.
#[inline]
pub fn scope<R: Recorder>(recorders: R) -> Scope<R> {
    Scope(Begun::now(recorders))
}

impl<R: Recorder> Drop for Scope<R> {
    #[inline]
    fn drop(&mut self) {
        self.0.finish(Outcome::Ok, 0);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// Seen by a drop only if the body unwinds.
    Polling,
    Done,
}

pin_project_lite::pin_project! {
    /// A call that is a future's. It began when this was made, inside the first poll of the annotated function's own future.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Watch<R, F>
    where
        R: Recorder,
    {
        #[pin]
        body: F,
        begun: Begun<R>,
        state: State,
    }

    impl<R, F> PinnedDrop for Watch<R, F>
    where
        R: Recorder,
    {
        fn drop(this: Pin<&mut Self>) {
            match this.state {
                State::Done => {}
                // Not `thread::panicking()`: a future may be dropped, unharmed, because something else panicked.
                State::Polling => this.begun.finish(Outcome::Panic, 0),
                State::Waiting => this.begun.finish(Outcome::Cancelled, 0),
            }
        }
    }
}

/// Begins a call whose body is a future. Its output is the call, to be ended, and the body's output.
#[inline]
pub fn watch<R: Recorder, F: Future>(recorders: R, body: F) -> Watch<R, F> {
    Watch { body, begun: Begun::now(recorders), state: State::Waiting }
}

impl<R: Recorder, F: Future> Future for Watch<R, F> {
    type Output = (Call<R>, F::Output);

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        *this.state = State::Polling;
        match this.body.poll(cx) {
            Poll::Pending => {
                *this.state = State::Waiting;
                Poll::Pending
            }
            Poll::Ready(out) => {
                *this.state = State::Done;
                Poll::Ready((Call(*this.begun), out))
            }
        }
    }
}
