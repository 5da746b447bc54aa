//! One call, from its beginning to whichever end it finds.
//!
//! A duration is that of the body: it ends when the body has its value and has dropped its locals.
//! The arguments are dropped after that, by every function, and what their destructors do decides
//! only the outcome.

use core::mem::ManuallyDrop;
use std::thread;

use crate::clock;
use crate::config::ON;
use crate::label::At;
use crate::model::outcome::Outcome;
use crate::process::epoch;

use super::named::count;
use super::recorder::{End, Recorder};

/// What a call in progress remembers. `E` knows when the body was done, where that is not when
/// the call ends: what is dropped in between, the function's arguments, is no part of a duration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun<R, E> {
    recorders: R,
    /// A call that began in the parent and ends in its forked child as well is the parent's alone.
    epoch: u32,
    at: clock::Moment,
    ended: E,
}

impl<R: Recorder, E: Ending> Begun<R, E> {
    /// A call that has not begun.
    #[inline]
    pub(super) fn later(recorders: R, ended: E) -> Self {
        Self { recorders, epoch: 0, at: clock::Moment::NONE, ended }
    }

    /// A call that begins now.
    #[inline]
    pub(super) fn now(recorders: R, ended: E) -> Self {
        recorders.begin();
        // Last, so that the first use of a process isn't measured as part of its first call.
        let at = if R::CLOCK && ON { clock::now() } else { clock::Moment::NONE };
        Self { recorders, epoch: epoch(), at, ended }
    }

    /// The same for what was made before.
    #[inline]
    pub(super) fn begin(&mut self) {
        *self = Self::now(self.recorders, self.ended);
    }

    #[inline]
    pub(super) fn finish(&self, outcome: Outcome, matched: u32) {
        let nanos = if R::CLOCK && ON { self.at.nanos_until(self.ended.noted()) } else { 0 };
        if self.epoch == epoch() {
            self.recorders.finish(End::new(outcome, nanos, matched));
        }
    }
}

/// When the body of a call was done, as `clock::Mark` notes it; 0 for when the call ends.
pub trait Ending: Copy {
    #[doc(hidden)]
    fn noted(self) -> u64;
}

impl Ending for () {
    #[inline]
    fn noted(self) -> u64 {
        0
    }
}

/// When a [`Stop`] was dropped.
impl Ending for &Ended {
    #[inline]
    fn noted(self) -> u64 {
        self.0.noted()
    }
}

/// Where a body that is done leaves the time, for the call that ends later.
#[derive(Debug)]
pub struct Ended(clock::Mark);

/// A place for the time at which a body is done.
#[inline]
pub fn ended() -> Ended {
    Ended(clock::Mark::new())
}

/// Notes the time when it is dropped. It lies between the arguments and the body.
#[derive(Debug)]
#[must_use = "the body is done when this is dropped"]
pub struct Stop<'a>(&'a Ended);

/// Watches for the end of a body.
#[inline]
pub fn stop(ended: &Ended) -> Stop<'_> {
    Stop(ended)
}

impl Drop for Stop<'_> {
    #[inline]
    fn drop(&mut self) {
        if ON {
            self.0.0.set();
        }
    }
}

/// A call whose outcome is wanted. Dropped without [`end`](Call::end), it panicked.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct Call<R: Recorder, E: Ending = ()>(Begun<R, E>);

/// Begins a call of a function that isn't a future.
#[inline]
pub fn enter<R: Recorder>(recorders: R) -> Call<R> {
    Call(Begun::now(recorders, ()))
}

/// Begins a call of which a [`Stop`] says when its body is done.
#[inline]
pub fn enter_until<R: Recorder>(recorders: R, ended: &Ended) -> Call<R, &Ended> {
    Call(Begun::now(recorders, ended))
}

impl<R: Recorder, E: Ending> Call<R, E> {
    #[inline]
    pub(super) fn of(begun: Begun<R, E>) -> Self {
        Self(begun)
    }

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
    pub fn count_here(&self, series: At) {
        if self.0.epoch == epoch() {
            count(series);
        }
    }
}

impl<R: Recorder, E: Ending> Drop for Call<R, E> {
    // One copy for all functions with the same attributes.
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        self.0.finish(Outcome::Panic, 0);
    }
}

/// A call of which only that it ended is wanted, however it does.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct Scope<R: Recorder>(Begun<R, ()>);

/// Begins a call that ends with its scope.
#[inline]
pub fn scope<R: Recorder>(recorders: R) -> Scope<R> {
    Scope(Begun::now(recorders, ()))
}

impl<R: Recorder> Drop for Scope<R> {
    #[inline]
    fn drop(&mut self) {
        self.0.finish(Outcome::Ok, 0);
    }
}

/// A call whose value can be no error, so that nobody has to look at it: it ends with its scope,
/// by returning or by a panic.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct Unlooked<R: Recorder, E: Ending> {
    begun: Begun<R, E>,
    /// It was called by a destructor while the thread unwinds: that panic is not this call's. One
    /// that begins and is caught within this call can't be told from it, and is not counted.
    unwinding: bool,
}

/// Begins a call that ends with its scope, by returning or by a panic.
#[inline]
pub fn unlooked<R: Recorder>(recorders: R) -> Unlooked<R, ()> {
    Unlooked { begun: Begun::now(recorders, ()), unwinding: thread::panicking() }
}

/// The same where a [`Stop`] says when its body is done.
#[inline]
pub fn unlooked_until<R: Recorder>(recorders: R, ended: &Ended) -> Unlooked<R, &Ended> {
    Unlooked { begun: Begun::now(recorders, ended), unwinding: thread::panicking() }
}

impl<R: Recorder, E: Ending> Drop for Unlooked<R, E> {
    #[inline]
    fn drop(&mut self) {
        let unwinds = thread::panicking() && !self.unwinding;
        self.begun.finish(if unwinds { Outcome::Panic } else { Outcome::Ok }, 0);
    }
}
