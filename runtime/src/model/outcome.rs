//! How a call ended.

use core::fmt;

/// How a call of an annotated function ended; the values of the label `outcome`.
///
/// No others will be added: a program may `match` on it without a wildcard arm.
///
/// ```
/// use headcount::{Counter, Outcome, counted, metric};
///
/// /// Parsed numbers.
/// #[metric(name = "numbers_parsed_total")]
/// fn parsed(outcome: Outcome) -> Counter;
///
/// #[counted(outcome, metric = |outcome| parsed(outcome))]
/// fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// let _ = (parse("7"), parse("seven"), parse("eight"));
/// assert_eq!((parsed(Outcome::Ok).get(), parsed(Outcome::Error).get()), (1, 2));
/// assert_eq!(Outcome::Cancelled.as_str(), "cancelled");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The call returned a value that is not an error.
    Ok = 0,
    /// The call returned `Err`.
    Error = 1,
    /// The call panicked.
    Panic = 2,
    /// The call's future was dropped after its first poll and before its end.
    Cancelled = 3,
}

impl Outcome {
    /// The value of the label: `ok`, `error`, `panic`, `cancelled`.
    pub const fn as_str(self) -> &'static str {
        OUTCOMES[self as usize]
    }
}

/// Prints the value of the label.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The values of the label `outcome`, in the order of their series.
pub(crate) const OUTCOMES: [&str; 4] = ["ok", "error", "panic", "cancelled"];
