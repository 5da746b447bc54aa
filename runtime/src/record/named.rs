//! Recorders of attributes with a family of their own.

use crate::label::At;
use crate::model::outcome::Outcome;

use super::native::ObserveNanosNative;
use super::operation::{Add, AddTo, ObserveNanos, at_series};
use super::recorder::{End, Recorder};

/// Counts one call in a series that was looked up.
#[inline]
pub fn count(series: At) {
    at_series(series, Add(1));
}

/// `counted`: counts at the beginning.
#[derive(Debug, Clone, Copy)]
pub struct Calls(pub At);

impl Recorder for Calls {
    const CLOCK: bool = false;

    #[inline]
    fn begin(&mut self) {
        count(self.0);
    }

    #[inline]
    fn finish(self, _: End) {}
}

/// `counted` with `outcome`: counts at the end.
#[derive(Debug, Clone, Copy)]
pub struct Outcomes(pub At);

impl Recorder for Outcomes {
    const CLOCK: bool = false;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn finish(self, end: End) {
        at_series(self.0, AddTo { which: end.outcome() as u32, of: 4 });
    }
}

/// `in_progress`.
#[derive(Debug, Clone, Copy)]
pub struct InProgress(pub At);

impl Recorder for InProgress {
    const CLOCK: bool = false;

    #[inline]
    fn begin(&mut self) {
        count(self.0);
    }

    #[inline]
    fn finish(self, _: End) {
        // Minus one, modulo 2^64: a call may end in another thread than the one in which it began.
        at_series(self.0, Add(u64::MAX));
    }
}

/// `count_exceptions`; `WHICH` combines [`ERRORS`](crate::declare::registry::ERRORS) and its
/// siblings.
#[derive(Debug, Clone, Copy)]
pub struct Exceptions<const WHICH: u32>(pub At);

impl<const WHICH: u32> Recorder for Exceptions<WHICH> {
    const CLOCK: bool = false;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn finish(self, end: End) {
        if end.is_exception(WHICH) {
            count(self.0);
        }
    }
}

/// `count_exceptions` with `only`: counts errors that match pattern number `BIT`, and the panics
/// and cancellations in `WHICH`.
#[derive(Debug, Clone, Copy)]
pub struct Matching<const BIT: u32, const WHICH: u32>(pub At);

impl<const BIT: u32, const WHICH: u32> Recorder for Matching<BIT, WHICH> {
    const CLOCK: bool = false;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn finish(self, end: End) {
        let counts = match end.outcome() {
            Outcome::Error => end.matched() & (1 << BIT) != 0,
            _ => end.is_exception(WHICH),
        };
        if counts {
            count(self.0);
        }
    }
}

/// `count_exceptions` with `error_labels`, for calls that end without an error. The series of an
/// error is known only once there is one; `Call::count_here` counts it.
#[derive(Debug, Clone, Copy)]
pub struct Late<const WHICH: u32>(pub At, pub At);

impl<const WHICH: u32> Recorder for Late<WHICH> {
    const CLOCK: bool = false;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn finish(self, end: End) {
        match end.outcome() {
            Outcome::Panic if end.is_exception(WHICH) => count(self.0),
            Outcome::Cancelled if end.is_exception(WHICH) => count(self.1),
            _ => {}
        }
    }
}

/// `timed`.
#[derive(Debug, Clone, Copy)]
pub struct Durations(pub At, pub &'static [u64]);

impl Recorder for Durations {
    const CLOCK: bool = true;

    #[inline]
    fn begin(&mut self) {}

    #[inline(never)]
    fn finish(self, end: End) {
        at_series(self.0, ObserveNanos { nanos: end.nanos(), bounds: self.1, which: 0, of: 1 });
    }
}

/// `timed` with `outcome`.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeDurations(pub At, pub &'static [u64]);

impl Recorder for OutcomeDurations {
    const CLOCK: bool = true;

    #[inline]
    fn begin(&mut self) {}

    #[inline(never)]
    fn finish(self, end: End) {
        let which = end.outcome() as u32;
        at_series(self.0, ObserveNanos { nanos: end.nanos(), bounds: self.1, which, of: 4 });
    }
}

/// `timed` with `native`, in this schema.
#[derive(Debug, Clone, Copy)]
pub struct NativeDurations<const SCHEMA: u8>(pub At);

impl<const SCHEMA: u8> Recorder for NativeDurations<SCHEMA> {
    const CLOCK: bool = true;

    #[inline]
    fn begin(&mut self) {}

    #[inline(never)]
    fn finish(self, end: End) {
        let nanos = end.nanos();
        at_series(self.0, ObserveNanosNative::<SCHEMA, 1> { nanos, which: 0 });
    }
}

/// `timed` with `native` and `outcome`.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeNativeDurations<const SCHEMA: u8>(pub At);

impl<const SCHEMA: u8> Recorder for OutcomeNativeDurations<SCHEMA> {
    const CLOCK: bool = true;

    #[inline]
    fn begin(&mut self) {}

    #[inline(never)]
    fn finish(self, end: End) {
        let (nanos, which) = (end.nanos(), end.outcome() as u32);
        at_series(self.0, ObserveNanosNative::<SCHEMA, 4> { nanos, which });
    }
}

/// `timed` with `summary`: durations without buckets.
#[derive(Debug, Clone, Copy)]
pub struct SummaryDurations(pub At);

impl Recorder for SummaryDurations {
    const CLOCK: bool = true;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn finish(self, end: End) {
        Durations(self.0, &[]).finish(end);
    }
}

/// `timed` with `summary` and `outcome`.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeSummaries(pub At);

impl Recorder for OutcomeSummaries {
    const CLOCK: bool = true;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn finish(self, end: End) {
        OutcomeDurations(self.0, &[]).finish(end);
    }
}

/// `cancelled = false`: as the inner recorder, but records nothing for a cancelled call.
#[derive(Debug, Clone, Copy)]
pub struct Completed<R>(pub R);

impl<R: Recorder> Recorder for Completed<R> {
    const CLOCK: bool = R::CLOCK;

    #[inline]
    fn begin(&mut self) {
        self.0.begin();
    }

    #[inline]
    fn finish(self, end: End) {
        if end.outcome() != Outcome::Cancelled {
            self.0.finish(end);
        }
    }
}

/// `when`: as the inner recorder, if the condition was true at the call's beginning.
#[derive(Debug, Clone, Copy)]
pub struct When<R>(pub bool, pub R);

impl<R: Recorder> Recorder for When<R> {
    const CLOCK: bool = R::CLOCK;

    #[inline]
    fn begin(&mut self) {
        if self.0 {
            self.1.begin();
        }
    }

    #[inline]
    fn finish(self, end: End) {
        if self.0 {
            self.1.finish(end);
        }
    }
}
