//! One call, from its beginning to its end, in every way in which it can end.
//!
//! A duration is that of the body: it ends when the body has its value and has dropped its locals.
//! Every function drops its arguments after that, and what their destructors do affects only the
//! outcome.
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

use core::mem::ManuallyDrop;
use std::thread;

use crate::clock;
use crate::config::ON;
use crate::declare::registry::FunctionSite;
use crate::label::At;
use crate::model::outcome::Outcome;
use crate::process::epoch;

use super::named::count;
use super::recorder::{End, Function, Recorder};

/// The state of a call in progress. `E` holds the time at which the body ended, if that is not the
/// end of the call: dropping the function's arguments in between is no part of the duration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun<R, E> {
    recorders: R,
    /// If a call begins in a parent and ends in its forked child as well, only the parent records
    /// it.
    epoch: u32,
    at: clock::Moment,
    ended: E,
}

impl<R: Recorder, E: Ending> Begun<R, E> {
    /// A call that has not begun.
    #[inline(always)]
    pub(super) fn later(recorders: R, ended: E) -> Self {
        Self { recorders, epoch: 0, at: clock::Moment::NONE, ended }
    }

    /// A call that begins now.
    #[inline(always)]
    pub(super) fn now(mut recorders: R, ended: E) -> Self {
        recorders.begin();
        // Read last, so that the first use in a process isn't measured as part of its first call.
        let at = if R::CLOCK && ON { clock::now() } else { clock::Moment::NONE };
        Self { recorders, epoch: epoch(), at, ended }
    }

    /// Begins a call that was created before.
    #[inline(always)]
    pub(super) fn begin(&mut self) {
        *self = Self::now(self.recorders, self.ended);
    }

    #[inline(always)]
    pub(super) fn finish(&self, outcome: Outcome, matched: u32) {
        let nanos = if R::CLOCK && ON { self.at.nanos_until(self.ended.noted()) } else { 0 };
        if self.epoch == epoch() {
            self.recorders.finish(End::new(outcome, nanos, matched));
        }
    }
}

/// When the body of a call ended, as `clock::Mark` records it; 0 means the end of the call.
pub trait Ending: Copy {
    #[doc(hidden)]
    fn noted(self) -> u64;
}

impl Ending for () {
    #[inline(always)]
    fn noted(self) -> u64 {
        0
    }
}

/// The time at which a [`Stop`] was dropped.
impl Ending for &Ended {
    #[inline(always)]
    fn noted(self) -> u64 {
        self.0.noted()
    }
}

/// Holds the time at which a body ended, for the call that ends later.
#[derive(Debug)]
pub struct Ended(clock::Mark);

/// Creates the place for the time at which a body ends.
#[inline]
pub fn ended() -> Ended {
    Ended(clock::Mark::new())
}

/// Records the time when it is dropped. It is declared between the arguments and the body.
#[derive(Debug)]
#[must_use = "the body is done when this is dropped"]
pub struct Stop<'a>(&'a Ended);

/// Records the time at which a body ends.
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

/// A call whose outcome is recorded. If it is dropped without [`end`](Call::end), the call
/// panicked.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct Call<R: Recorder, E: Ending = ()>(Begun<R, E>);

/// Begins a call of a function that isn't a future.
#[inline]
pub fn enter<R: Recorder>(recorders: R) -> Call<R> {
    Call(Begun::now(recorders, ()))
}

/// Begins a call whose body's end a [`Stop`] records.
#[inline]
pub fn enter_until<R: Recorder>(recorders: R, ended: &Ended) -> Call<R, &Ended> {
    Call(Begun::now(recorders, ended))
}

/// A call of a function that has one site and nothing else. These are functions of their own, and
/// not calls of those above: where nothing is inlined each is one call.
impl<const WHAT: u32> FunctionSite<WHAT> {
    /// As [`enter`].
    #[inline]
    pub fn enter(&'static self) -> Call<Function<WHAT>> {
        Call(Begun::now(self.recorder(), ()))
    }

    /// As [`enter_until`].
    #[inline]
    pub fn enter_until<'a>(&'static self, ended: &'a Ended) -> Call<Function<WHAT>, &'a Ended> {
        Call(Begun::now(self.recorder(), ended))
    }

    /// As [`scope`].
    #[inline]
    pub fn scope(&'static self) -> Scope<Function<WHAT>> {
        Scope(Begun::now(self.recorder(), ()))
    }

    /// As [`unlooked`].
    #[inline]
    pub fn unlooked(&'static self) -> Unlooked<Function<WHAT>, ()> {
        Unlooked { begun: Begun::now(self.recorder(), ()), unwinding: thread::panicking() }
    }

    /// As [`unlooked_until`].
    #[inline]
    pub fn unlooked_until<'a>(
        &'static self,
        ended: &'a Ended,
    ) -> Unlooked<Function<WHAT>, &'a Ended> {
        Unlooked { begun: Begun::now(self.recorder(), ended), unwinding: thread::panicking() }
    }
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

    /// Ends the call; `matched` holds the patterns that its error matched.
    #[inline(always)]
    pub fn end_with(self, outcome: Outcome, matched: u32) {
        ManuallyDrop::new(self).0.finish(outcome, matched);
    }

    /// Counts in a series that is known only now, unless the call belongs to another process.
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

/// A call for which only its end is recorded, however it ends.
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

/// A call whose value can't be an error, so that the value isn't examined. It ends with its scope,
/// by returning or by a panic.
#[derive(Debug)]
#[must_use = "the call ends when this is dropped"]
pub struct Unlooked<R: Recorder, E: Ending> {
    begun: Begun<R, E>,
    /// Whether a destructor made the call while the thread was unwinding: that panic is not this
    /// call's. A panic that begins and is caught within such a call can't be distinguished from it,
    /// and is not counted.
    unwinding: bool,
}

/// Begins a call that ends with its scope, by returning or by a panic.
#[inline]
pub fn unlooked<R: Recorder>(recorders: R) -> Unlooked<R, ()> {
    Unlooked { begun: Begun::now(recorders, ()), unwinding: thread::panicking() }
}

/// As [`unlooked`], if a [`Stop`] records the body's end.
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
