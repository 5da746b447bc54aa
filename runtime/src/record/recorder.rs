//! What a call records when it begins and when it ends.

use crate::descriptor::DEFAULT_NANOS;
use crate::operation::{Add, AddTo, ObserveNanos, Operation, at_slot, observe_nanos};
use crate::outcome::Outcome;
use crate::registry::{
    COUNTED, COUNTED_OUTCOME, EXCEPTIONS, HISTOGRAM, IN_PROGRESS, TIMED, TIMED_OUTCOME,
    function_parts,
};
use crate::segment::shard::Cells;

/// What one attribute, or all nameless ones together, record of a call. Composed by tuples.
///
/// A small `Copy` value: a future that is measured keeps it between polls.
pub trait Recorder: Copy {
    /// Whether it needs to know how long the call took.
    #[doc(hidden)]
    const CLOCK: bool;
    #[doc(hidden)]
    fn begin(self);
    #[doc(hidden)]
    fn finish(self, outcome: Outcome, nanos: u64);
}

/// Counts one call in a series that was looked up.
#[inline]
pub fn count(slot: u32) {
    at_slot(slot, Add(1));
}

/// All nameless attributes of one function; `WHAT` is made of [`COUNTED`] and its siblings.
#[derive(Debug, Clone, Copy)]
pub struct Function<const WHAT: u32>(pub u32);

const fn has(what: u32, bits: u32) -> bool {
    what & bits != 0
}

/// All cells of the function are checked at once, at the beginning and at the end.
const fn last(what: u32) -> u32 {
    function_parts(what).width - 1
}

#[derive(Debug, Clone, Copy)]
struct Begin<const WHAT: u32>;

impl<const WHAT: u32> Operation for Begin<WHAT> {
    #[inline]
    fn last(self) -> u32 {
        const { last(WHAT) }
    }

    #[inline]
    fn apply(self, cells: &impl Cells) {
        if has(WHAT, COUNTED) {
            cells.add(0, 1);
        }
        if has(WHAT, IN_PROGRESS) {
            cells.add(const { function_parts(WHAT).in_progress }, 1);
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Finish<const WHAT: u32> {
    outcome: Outcome,
    nanos: u64,
}

impl<const WHAT: u32> Operation for Finish<WHAT> {
    #[inline]
    fn last(self) -> u32 {
        const { last(WHAT) }
    }

    #[inline]
    fn apply(self, cells: &impl Cells) {
        let parts = const { function_parts(WHAT) };
        let which = self.outcome as u32;
        if has(WHAT, COUNTED_OUTCOME) {
            cells.add(which, 1);
        }
        if has(WHAT, IN_PROGRESS) {
            // Minus one, modulo 2^64: the end may be on another thread than the beginning.
            cells.add(parts.in_progress, u64::MAX);
        }
        if has(WHAT, EXCEPTIONS) && is_exception(self.outcome) {
            cells.add(parts.exceptions, 1);
        }
        if has(WHAT, TIMED) {
            observe_nanos(cells, parts.durations, DEFAULT_NANOS, self.nanos);
        }
        if has(WHAT, TIMED_OUTCOME) {
            let at = parts.durations + which * HISTOGRAM;
            observe_nanos(cells, at, DEFAULT_NANOS, self.nanos);
        }
    }
}

impl<const WHAT: u32> Recorder for Function<WHAT> {
    const CLOCK: bool = has(WHAT, TIMED | TIMED_OUTCOME);

    #[inline]
    fn begin(self) {
        if has(WHAT, COUNTED | IN_PROGRESS) {
            at_slot(self.0, Begin::<WHAT>);
        }
    }

    // One copy in a crate for all functions of the same attributes: beside two clock reads the call doesn't show, and a
    // thousand annotated functions compile in half the time.
    #[inline(never)]
    fn finish(self, outcome: Outcome, nanos: u64) {
        if has(WHAT, COUNTED_OUTCOME | IN_PROGRESS | EXCEPTIONS | TIMED | TIMED_OUTCOME) {
            at_slot(self.0, Finish::<WHAT> { outcome, nanos });
        }
    }
}

#[inline]
fn is_exception(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Error | Outcome::Panic)
}

/// A named `counted`: at the beginning.
#[derive(Debug, Clone, Copy)]
pub struct Calls(pub u32);

impl Recorder for Calls {
    const CLOCK: bool = false;

    #[inline]
    fn begin(self) {
        at_slot(self.0, Add(1));
    }

    #[inline]
    fn finish(self, _: Outcome, _: u64) {}
}

/// A named `counted` with `outcome`: at the end.
#[derive(Debug, Clone, Copy)]
pub struct Outcomes(pub u32);

impl Recorder for Outcomes {
    const CLOCK: bool = false;

    #[inline]
    fn begin(self) {}

    #[inline]
    fn finish(self, outcome: Outcome, _: u64) {
        at_slot(self.0, AddTo { which: outcome as u32, of: 4 });
    }
}

/// A named `in_progress`.
#[derive(Debug, Clone, Copy)]
pub struct InProgress(pub u32);

impl Recorder for InProgress {
    const CLOCK: bool = false;

    #[inline]
    fn begin(self) {
        at_slot(self.0, Add(1));
    }

    #[inline]
    fn finish(self, _: Outcome, _: u64) {
        // Minus one, modulo 2^64: the end may be on another thread than the beginning.
        at_slot(self.0, Add(u64::MAX));
    }
}

/// A named `count_exceptions`.
#[derive(Debug, Clone, Copy)]
pub struct Exceptions(pub u32);

impl Recorder for Exceptions {
    const CLOCK: bool = false;

    #[inline]
    fn begin(self) {}

    #[inline]
    fn finish(self, outcome: Outcome, _: u64) {
        if is_exception(outcome) {
            at_slot(self.0, Add(1));
        }
    }
}

/// A named `timed`.
#[derive(Debug, Clone, Copy)]
pub struct Durations(pub u32, pub &'static [u64]);

/// A named `timed` with `outcome`.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeDurations(pub u32, pub &'static [u64]);

impl Recorder for Durations {
    const CLOCK: bool = true;

    #[inline]
    fn begin(self) {}

    // One copy in a crate for all functions of the same attributes: beside two clock reads the call doesn't show, and a
    // thousand annotated functions compile in half the time.
    #[inline(never)]
    fn finish(self, _: Outcome, nanos: u64) {
        at_slot(self.0, ObserveNanos { nanos, bounds: self.1, which: 0, of: 1 });
    }
}

impl Recorder for OutcomeDurations {
    const CLOCK: bool = true;

    #[inline]
    fn begin(self) {}

    // One copy in a crate for all functions of the same attributes: beside two clock reads the call doesn't show, and a
    // thousand annotated functions compile in half the time.
    #[inline(never)]
    fn finish(self, outcome: Outcome, nanos: u64) {
        let which = outcome as u32;
        at_slot(self.0, ObserveNanos { nanos, bounds: self.1, which, of: 4 });
    }
}

impl Recorder for () {
    const CLOCK: bool = false;

    #[inline]
    fn begin(self) {}

    #[inline]
    fn finish(self, _: Outcome, _: u64) {}
}

macro_rules! recorders {
    ($($name:ident)*) => {
        impl<$($name: Recorder),*> Recorder for ($($name,)*) {
            const CLOCK: bool = false $(|| $name::CLOCK)*;

            #[inline]
            fn begin(self) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                $($name.begin();)*
            }

            #[inline]
            fn finish(self, outcome: Outcome, nanos: u64) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                $($name.finish(outcome, nanos);)*
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
