//! What a call records at its beginning and at its end.
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

use crate::clock::nanos_as_seconds;
use crate::declare::durations;
use crate::declare::registry::{
    CANCELLED, COUNTED, COUNTED_EXEMPLARS, COUNTED_OUTCOME, ERRORS, EXCEPTION_EXEMPLARS,
    EXCEPTIONS, HISTOGRAM, IN_PROGRESS, PANICS, TIMED, TIMED_COMPLETED, TIMED_EXEMPLARS,
    TIMED_OUTCOME, function_parts,
};
use crate::label::At;
use crate::model::outcome::Outcome;
use crate::segment::shard::Cells;

use super::exemplar::Event;
use super::native;
use super::operation::{Operation, at_slot, observe_function};

/// How a call ended. It has two words, which are passed in registers. Three fields would be passed
/// in memory, and a load from there would wait for all three stores.
#[derive(Debug, Clone, Copy)]
pub struct End {
    nanos: u64,
    /// The outcome; the bits from 32 on say which patterns its error matched.
    how: u64,
}

impl End {
    #[inline(always)]
    pub(super) fn new(outcome: Outcome, nanos: u64, matched: u32) -> Self {
        Self { nanos, how: outcome as u64 | u64::from(matched) << 32 }
    }

    /// The duration; 0 if no recorder needs it.
    #[inline(always)]
    pub(crate) fn nanos(self) -> u64 {
        self.nanos
    }

    #[inline(always)]
    pub(crate) fn outcome(self) -> Outcome {
        match self.how & 3 {
            0 => Outcome::Ok,
            1 => Outcome::Error,
            2 => Outcome::Panic,
            _ => Outcome::Cancelled,
        }
    }

    /// The number of its outcome.
    #[inline(always)]
    fn which(self) -> u32 {
        (self.how & 3) as u32
    }

    /// The patterns that its error matched, one bit for each.
    #[inline(always)]
    pub(super) fn matched(self) -> u32 {
        (self.how >> 32) as u32
    }

    /// Whether the call counts as an exception; `which` combines [`ERRORS`] and its siblings.
    #[inline(always)]
    pub(super) fn is_exception(self, which: u32) -> bool {
        // The bits stand in the order of the outcomes, and the one before them is none of these.
        const {
            assert!(ERRORS == ERRORS >> 1 << Outcome::Error as u32);
            assert!(PANICS == ERRORS >> 1 << Outcome::Panic as u32);
            assert!(CANCELLED == ERRORS >> 1 << Outcome::Cancelled as u32);
        }
        which & EXCEPTIONS & (ERRORS >> 1 << self.which()) != 0
    }
}

/// The record of a call by one attribute, or by all attributes without a name together. Tuples
/// combine several.
///
/// It is a small `Copy` value, which a measured future keeps between polls.
pub trait Recorder: Copy {
    /// Whether the recorder needs the duration of the call.
    #[doc(hidden)]
    const CLOCK: bool;
    /// Records the beginning. What the end needs to know of it stays in the recorder.
    #[doc(hidden)]
    fn begin(&mut self);
    #[doc(hidden)]
    fn finish(self, end: End);
}

/// All attributes without a name of one function; `WHAT` combines [`COUNTED`] and its siblings.
#[derive(Debug, Clone, Copy)]
pub struct Function<const WHAT: u32>(pub At);

const fn has(what: u32, bits: u32) -> bool {
    what & bits != 0
}

/// All cells of the function are checked together, at the beginning and at the end of a call.
const fn last(what: u32) -> u32 {
    function_parts(what).width - 1
}

#[derive(Debug, Clone, Copy)]
struct Begin<const WHAT: u32>;

impl<const WHAT: u32> Operation for Begin<WHAT> {
    #[inline(always)]
    fn last(self) -> u32 {
        const { last(WHAT) }
    }

    #[inline(always)]
    fn apply(self, cells: &(impl Cells + Copy)) {
        if const { has(WHAT, COUNTED) } {
            cells.add(0, 1);
        }
        if const { has(WHAT, IN_PROGRESS) } {
            cells.add(const { function_parts(WHAT).in_progress }, 1);
        }
    }

    fn events(self, mut each: impl FnMut(Event)) {
        if const { has(WHAT, COUNTED) && has(WHAT, COUNTED_EXEMPLARS) } {
            each(Event { series: 0, places: 1, place: 0, value: 1.0 });
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Finish<const WHAT: u32>(End);

impl<const WHAT: u32> Operation for Finish<WHAT> {
    #[inline(always)]
    fn last(self) -> u32 {
        const { last(WHAT) }
    }

    #[inline(always)]
    fn apply(self, cells: &(impl Cells + Copy)) {
        let end = self.0;
        let which = end.which();
        if const { has(WHAT, COUNTED_OUTCOME) } {
            cells.add(which, 1);
        }
        if const { has(WHAT, IN_PROGRESS) } {
            // Minus one, modulo 2^64: a call may end in another thread than the one in which it
            // began.
            cells.add(const { function_parts(WHAT).in_progress }, u64::MAX);
        }
        if const { has(WHAT, EXCEPTIONS) } && end.is_exception(WHAT) {
            cells.add(const { function_parts(WHAT).exceptions }, 1);
        }
        if const { has(WHAT, TIMED_COMPLETED) } && which == Outcome::Cancelled as u32 {
            return;
        }
        let durations = const { function_parts(WHAT).durations };
        if const { has(WHAT, TIMED) } {
            observe_function(cells, durations, end.nanos());
        }
        if const { has(WHAT, TIMED_OUTCOME) } {
            observe_function(cells, durations + which * HISTOGRAM, end.nanos());
        }
    }

    fn events(self, mut each: impl FnMut(Event)) {
        let end = self.0;
        let parts = const { function_parts(WHAT) };
        let which = end.outcome() as u32;
        if const { has(WHAT, COUNTED_OUTCOME) && has(WHAT, COUNTED_EXEMPLARS) } {
            each(Event { series: which, places: 1, place: 0, value: 1.0 });
        }
        if end.is_exception(WHAT) && has(WHAT, EXCEPTION_EXEMPLARS) {
            each(Event { series: parts.exceptions, places: 1, place: 0, value: 1.0 });
        }
        let leaves_out = has(WHAT, TIMED_COMPLETED) && end.outcome() == Outcome::Cancelled;
        if has(WHAT, TIMED_EXEMPLARS) && !leaves_out {
            let series = if const { has(WHAT, TIMED_OUTCOME) } { which * HISTOGRAM } else { 0 };
            let event = match durations::bucket(end.nanos()) {
                Ok(place) => {
                    let value = nanos_as_seconds(end.nanos());
                    Event { series: 0, places: durations::MOST_BUCKETS, place, value }
                }
                // They are native in this program.
                Err(_) => native::event_of_duration(end.nanos()),
            };
            each(Event { series: parts.durations + series, ..event });
        }
    }
}

impl<const WHAT: u32> Recorder for Function<WHAT> {
    const CLOCK: bool = has(WHAT, TIMED | TIMED_OUTCOME);

    #[inline(always)]
    fn begin(&mut self) {
        if const { has(WHAT, COUNTED | IN_PROGRESS) } {
            at_slot(self.0.number(), Begin::<WHAT>);
        }
    }

    // One copy per crate for all functions with the same attributes. Beside two reads of the clock
    // the call is not noticeable, and a thousand annotated functions compile in half the time.
    #[inline(never)]
    fn finish(self, end: End) {
        if const { has(WHAT, !COUNTED) } {
            at_slot(self.0.number(), Finish::<WHAT>(end));
        }
    }
}

impl Recorder for () {
    const CLOCK: bool = false;

    #[inline(always)]
    fn begin(&mut self) {}

    #[inline(always)]
    fn finish(self, _: End) {}
}

macro_rules! recorders {
    ($($name:ident)*) => {
        impl<$($name: Recorder),*> Recorder for ($($name,)*) {
            const CLOCK: bool = false $(|| $name::CLOCK)*;

            #[inline(always)]
            fn begin(&mut self) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                $($name.begin();)*
            }

            #[inline(always)]
            fn finish(self, end: End) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                $($name.finish(end);)*
            }
        }
    };
}

recorders!(A);
recorders!(A B);
recorders!(A B C);
recorders!(A B C D);
recorders!(A B C D E);
recorders!(A B C D E F);
recorders!(A B C D E F G);
recorders!(A B C D E F G H);
