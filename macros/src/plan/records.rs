//! What a recorder records.

use std::ops::BitOr;

/// What the attributes without a name record: bits, with the numbers that `__private` gives them.
///
/// An expansion has the number and not the names (`FunctionSite<5>`). With names the argument would
/// be a constant expression, which rustc has to check and evaluate: 35 to 55 microseconds more of
/// its time for each function. A test compares the numbers with the runtime's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bits(u32);

impl Bits {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const COUNTED: Self = Self(1);
    pub(crate) const COUNTED_OUTCOME: Self = Self(2);
    pub(crate) const TIMED: Self = Self(4);
    pub(crate) const TIMED_OUTCOME: Self = Self(8);
    pub(crate) const IN_PROGRESS: Self = Self(16);
    pub(crate) const ERRORS: Self = Self(32);
    pub(crate) const PANICS: Self = Self(64);
    pub(crate) const CANCELLED: Self = Self(128);
    pub(crate) const TIMED_COMPLETED: Self = Self(256);
    pub(crate) const OLDEST: Self = Self(512);
    pub(crate) const COUNTED_EXEMPLARS: Self = Self(1024);
    pub(crate) const TIMED_EXEMPLARS: Self = Self(2048);
    pub(crate) const EXCEPTION_EXEMPLARS: Self = Self(4096);

    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// Whether one of these bits is set.
    pub(crate) fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    pub(crate) fn without(self, bits: Self) -> Self {
        Self(self.0 & !bits.0)
    }

    /// These bits if the condition holds.
    pub(crate) fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }
}

impl BitOr for Bits {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The recorders of `__private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    Function(Bits),
    Calls,
    Outcomes,
    Durations,
    OutcomeDurations,
    /// With the schema.
    NativeDurations(u8),
    OutcomeNativeDurations(u8),
    Summaries,
    OutcomeSummaries,
    InProgress,
    /// When calls in progress began, of a function without a name.
    Oldest,
    /// Calls in progress, and in the site behind theirs when they began.
    InProgressAndOldest,
    /// With the ends that are counted, here and below.
    Exceptions(Bits),
    Matching {
        pattern: usize,
        which: Bits,
    },
    Late(Bits),
}

impl Records {
    /// Whether it has to know how the call ended.
    pub(crate) fn needs_outcome(self) -> bool {
        self.needs_value()
            || match self {
                Records::Function(what) => {
                    what.has(Bits::PANICS | Bits::CANCELLED | Bits::TIMED_COMPLETED)
                }
                Records::Late(_) => true,
                _ => false,
            }
    }

    /// Whether it has to know if the returned value is an error.
    pub(crate) fn needs_value(self) -> bool {
        match self {
            Records::Function(what) => {
                what.has(Bits::COUNTED_OUTCOME | Bits::TIMED_OUTCOME | Bits::ERRORS)
            }
            Records::Outcomes
            | Records::OutcomeDurations
            | Records::OutcomeNativeDurations(_)
            | Records::OutcomeSummaries
            | Records::Exceptions(_)
            | Records::Matching { .. } => true,
            Records::Calls
            | Records::Durations
            | Records::NativeDurations(_)
            | Records::Summaries
            | Records::InProgress
            | Records::Oldest
            | Records::InProgressAndOldest
            | Records::Late(_) => false,
        }
    }

    /// Whether it has to know how long the call took.
    pub(crate) fn takes_time(self) -> bool {
        match self {
            Records::Function(what) => what.has(Bits::TIMED | Bits::TIMED_OUTCOME),
            Records::Durations
            | Records::OutcomeDurations
            | Records::NativeDurations(_)
            | Records::OutcomeNativeDurations(_)
            | Records::Summaries
            | Records::OutcomeSummaries => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount::__private as runtime;

    #[test]
    fn bits_have_the_numbers_of_the_runtime() {
        for (bits, number) in [
            (Bits::COUNTED, runtime::COUNTED),
            (Bits::COUNTED_OUTCOME, runtime::COUNTED_OUTCOME),
            (Bits::TIMED, runtime::TIMED),
            (Bits::TIMED_OUTCOME, runtime::TIMED_OUTCOME),
            (Bits::IN_PROGRESS, runtime::IN_PROGRESS),
            (Bits::ERRORS, runtime::ERRORS),
            (Bits::PANICS, runtime::PANICS),
            (Bits::CANCELLED, runtime::CANCELLED),
            (Bits::TIMED_COMPLETED, runtime::TIMED_COMPLETED),
            (Bits::OLDEST, runtime::OLDEST),
            (Bits::COUNTED_EXEMPLARS, runtime::COUNTED_EXEMPLARS),
            (Bits::TIMED_EXEMPLARS, runtime::TIMED_EXEMPLARS),
            (Bits::EXCEPTION_EXEMPLARS, runtime::EXCEPTION_EXEMPLARS),
        ] {
            assert_eq!(bits.number(), number, "{bits:?}");
        }
    }
}
