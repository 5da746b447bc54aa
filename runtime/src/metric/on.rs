//! Declared metrics as recorders of an annotated function: `metric = <expression>`.

use crate::clock::nanos_as_seconds;
use crate::label::At;
use crate::model::outcome::Outcome;
use crate::record::native::ObserveNative;
use crate::record::operation::{Observe, at_series};
use crate::record::{Calls, End, Exceptions, Recorder, count};

use super::{Counter, Gauge, Histogram, Summary};

/// Counts calls on a declared counter.
#[inline]
pub fn counted_on(counter: Counter) -> Calls {
    Calls(counter.0.at())
}

/// Counts exceptions on a declared counter.
#[inline]
pub fn exceptions_on<const WHICH: u32>(counter: Counter) -> Exceptions<WHICH> {
    Exceptions(counter.0.at())
}

const ALL: [Outcome; 4] = [Outcome::Ok, Outcome::Error, Outcome::Panic, Outcome::Cancelled];

/// Counts calls on one of four counters, by outcome.
#[derive(Debug, Clone, Copy)]
pub struct EachOutcome([At; 4]);

/// Counts calls on the counter of their outcome. All four are looked up at the beginning of the
/// call, while the labels are available.
#[inline]
pub fn counted_on_each(counter: impl Fn(Outcome) -> Counter) -> EachOutcome {
    EachOutcome(ALL.map(|outcome| counter(outcome).0.at()))
}

impl Recorder for EachOutcome {
    const CLOCK: bool = false;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn finish(self, end: End) {
        count(self.0[end.outcome() as usize]);
    }
}

/// A metric that can observe durations.
#[diagnostic::on_unimplemented(
    message = "`timed` observes durations by a `Histogram` or a `Summary`, not by `{Self}`",
    label = "not a `Histogram` or a `Summary`"
)]
pub trait Timed: Copy {
    /// Looks up the metric's cells.
    #[doc(hidden)]
    fn observed(self) -> Observed;
}

/// Observes durations with a declared histogram or summary, in seconds. It is one type for both, so
/// that a metric of another kind causes one compile error and not two.
#[derive(Debug, Clone, Copy)]
pub struct Observed(At, &'static [f64], Option<u8>);

impl Timed for Histogram {
    #[inline]
    fn observed(self) -> Observed {
        Observed(self.0.at(), self.0.bounds(), self.0.schema())
    }
}

impl Timed for Summary {
    #[inline]
    fn observed(self) -> Observed {
        Observed(self.0.at(), &[], None)
    }
}

impl Recorder for Observed {
    const CLOCK: bool = true;

    #[inline]
    fn begin(&mut self) {}

    #[inline(never)]
    fn finish(self, end: End) {
        let seconds = nanos_as_seconds(end.nanos());
        match self.2 {
            None => at_series(self.0, Observe::duration(seconds, self.1)),
            Some(schema) => at_series(self.0, ObserveNative::new(seconds, schema)),
        }
    }
}

/// Observes durations with a declared metric.
#[inline]
pub fn timed_on<M: Timed>(metric: M) -> Observed {
    metric.observed()
}

/// Observes durations with one of four metrics, by outcome.
#[derive(Debug, Clone, Copy)]
pub struct EachTimed([Observed; 4]);

/// Observes durations with the metric of the outcome.
#[inline]
pub fn timed_on_each<M: Timed>(metric: impl Fn(Outcome) -> M) -> EachTimed {
    EachTimed(ALL.map(|outcome| metric(outcome).observed()))
}

impl Recorder for EachTimed {
    const CLOCK: bool = true;

    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn finish(self, end: End) {
        self.0[end.outcome() as usize].finish(end);
    }
}

/// Counts calls in progress on a declared gauge.
#[derive(Debug, Clone, Copy)]
pub struct Tracked(Gauge);

/// Adds one to a declared gauge while a call is in progress.
#[inline]
pub fn in_progress_on(gauge: Gauge) -> Tracked {
    Tracked(gauge)
}

impl Recorder for Tracked {
    const CLOCK: bool = false;

    #[inline]
    fn begin(&mut self) {
        self.0.inc();
    }

    #[inline]
    fn finish(self, _: End) {
        self.0.dec();
    }
}
