//! What a call records when it begins and when it ends.

use crate::outcome::Outcome;
use crate::registry::{
    COUNTED, COUNTED_OUTCOME, EXCEPTIONS, HISTOGRAM, IN_PROGRESS, TIMED, TIMED_OUTCOME,
    function_parts,
};
use crate::descriptor::{DEFAULT_NANOS, durations_width};
use crate::segment::shard::{self, Cells};
use crate::store::{self, Target};

use super::site::ZERO;

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

/// Runs the same code on this thread's cells or, out of line, on the process's.
macro_rules! on {
    ($slot:expr, $last:expr, |$cells:ident| $body:expr) => {
        match shard::own($slot, $last) {
            Some($cells) => $body,
            None => {
                #[cold]
                #[inline(never)]
                fn elsewhere(slot: u32, last: u32) -> Target {
                    store::target(&ZERO, slot, last).1
                }
                match elsewhere($slot, $last) {
                    Target::Own($cells) => $body,
                    Target::Shared($cells) => $body,
                    Target::Nowhere => {}
                }
            }
        }
    };
}

#[inline(always)]
fn add(slot: u32, n: u64) {
    on!(slot, 0, |cells| cells.add(0, n));
}

/// `[sum, carries, bucket 0 .. bucket n]`, from `at` on.
#[inline(always)]
fn observe(cells: &impl Cells, at: u32, bounds: &[u64], nanos: u64) {
    if cells.add_carrying(at, nanos) {
        cells.add(at + 1, 1);
    }
    // A bucket holds what is less than or equal to its bound.
    #[expect(clippy::cast_possible_truncation, reason = "at most 1,000 bounds")]
    let bucket = bounds.partition_point(|bound| *bound < nanos) as u32;
    cells.add(at + 2 + bucket, 1);
}

/// Counts one call.
#[inline(always)]
pub fn count(slot: u32) {
    add(slot, 1);
}

/// All nameless attributes of one function; `WHAT` is made of [`COUNTED`] and its siblings.
#[derive(Debug, Clone, Copy)]
pub struct Function<const WHAT: u32>(pub u32);

impl<const WHAT: u32> Function<WHAT> {
    /// All cells of the function are checked at once, at the beginning and at the end.
    const LAST: u32 = function_parts(WHAT).width - 1;

    const fn has(bit: u32) -> bool {
        WHAT & bit != 0
    }
}

impl<const WHAT: u32> Recorder for Function<WHAT> {
    const CLOCK: bool = WHAT & (TIMED | TIMED_OUTCOME) != 0;

    #[inline(always)]
    fn begin(self) {
        if Self::has(COUNTED | IN_PROGRESS) {
            on!(self.0, Self::LAST, |cells| {
                if Self::has(COUNTED) {
                    cells.add(0, 1);
                }
                if Self::has(IN_PROGRESS) {
                    cells.add(const { function_parts(WHAT).in_progress }, 1);
                }
            });
        }
    }

    #[inline(always)]
    fn finish(self, outcome: Outcome, nanos: u64) {
        let which = outcome as u32;
        if Self::has(COUNTED_OUTCOME | IN_PROGRESS | EXCEPTIONS | TIMED | TIMED_OUTCOME) {
            on!(self.0, Self::LAST, |cells| {
                let parts = const { function_parts(WHAT) };
                if Self::has(COUNTED_OUTCOME) {
                    cells.add(which, 1);
                }
                if Self::has(IN_PROGRESS) {
                    cells.add(parts.in_progress, u64::MAX);
                }
                if Self::has(EXCEPTIONS) && is_exception(outcome) {
                    cells.add(parts.exceptions, 1);
                }
                if Self::has(TIMED) {
                    observe(&cells, parts.durations, DEFAULT_NANOS, nanos);
                }
                if Self::has(TIMED_OUTCOME) {
                    observe(&cells, parts.durations + which * HISTOGRAM, DEFAULT_NANOS, nanos);
                }
            });
        }
    }
}

#[inline(always)]
fn is_exception(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Error | Outcome::Panic)
}

/// A named `counted`: at the beginning.
#[derive(Debug, Clone, Copy)]
pub struct Calls(pub u32);

impl Recorder for Calls {
    const CLOCK: bool = false;

    #[inline(always)]
    fn begin(self) {
        add(self.0, 1);
    }

    #[inline(always)]
    fn finish(self, _: Outcome, _: u64) {}
}

/// A named `counted` with `outcome`: at the end.
#[derive(Debug, Clone, Copy)]
pub struct Outcomes(pub u32);

impl Recorder for Outcomes {
    const CLOCK: bool = false;

    #[inline(always)]
    fn begin(self) {}

    #[inline(always)]
    fn finish(self, outcome: Outcome, _: u64) {
        on!(self.0, 3, |cells| cells.add(outcome as u32, 1));
    }
}

/// A named `in_progress`.
#[derive(Debug, Clone, Copy)]
pub struct InProgress(pub u32);

impl Recorder for InProgress {
    const CLOCK: bool = false;

    #[inline(always)]
    fn begin(self) {
        add(self.0, 1);
    }

    #[inline(always)]
    fn finish(self, _: Outcome, _: u64) {
        // Minus one, modulo 2^64: the end may be on another thread than the beginning.
        add(self.0, u64::MAX);
    }
}

/// A named `count_exceptions`.
#[derive(Debug, Clone, Copy)]
pub struct Exceptions(pub u32);

impl Recorder for Exceptions {
    const CLOCK: bool = false;

    #[inline(always)]
    fn begin(self) {}

    #[inline(always)]
    fn finish(self, outcome: Outcome, _: u64) {
        if is_exception(outcome) {
            add(self.0, 1);
        }
    }
}

/// A named `timed`.
#[derive(Debug, Clone, Copy)]
pub struct Durations(pub u32, pub &'static [u64]);

/// A named `timed` with `outcome`.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeDurations(pub u32, pub &'static [u64]);

#[expect(clippy::cast_possible_truncation, reason = "at most 1,000 bounds")]
fn width(bounds: &[u64]) -> u32 {
    durations_width(bounds.len() as u32)
}

impl Recorder for Durations {
    const CLOCK: bool = true;

    #[inline(always)]
    fn begin(self) {}

    #[inline(always)]
    fn finish(self, _: Outcome, nanos: u64) {
        on!(self.0, width(self.1) - 1, |cells| observe(&cells, 0, self.1, nanos));
    }
}

impl Recorder for OutcomeDurations {
    const CLOCK: bool = true;

    #[inline(always)]
    fn begin(self) {}

    #[inline(always)]
    fn finish(self, outcome: Outcome, nanos: u64) {
        let width = width(self.1);
        let at = outcome as u32 * width;
        on!(self.0, 4 * width - 1, |cells| observe(&cells, at, self.1, nanos));
    }
}

impl Recorder for () {
    const CLOCK: bool = false;

    #[inline(always)]
    fn begin(self) {}

    #[inline(always)]
    fn finish(self, _: Outcome, _: u64) {}
}

macro_rules! recorders {
    ($($name:ident)*) => {
        impl<$($name: Recorder),*> Recorder for ($($name,)*) {
            const CLOCK: bool = false $(|| $name::CLOCK)*;

            #[inline(always)]
            fn begin(self) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                $($name.begin();)*
            }

            #[inline(always)]
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
