//! How a call ended.

use core::fmt;

/// How a call of an annotated function ended; the values of the label `outcome`.
///
/// There will be no others: a program may `match` on it without a last arm for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It returned, and not an error.
    Ok = 0,
    /// It returned `Err`.
    Error = 1,
    /// It unwound.
    Panic = 2,
    /// A future that was dropped between its first poll and its end.
    Cancelled = 3,
}

impl Outcome {
    /// The value of the label: `ok`, `error`, `panic`, `cancelled`.
    pub const fn as_str(self) -> &'static str {
        OUTCOMES[self as usize]
    }
}

/// The value of the label.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The values of the label `outcome`, in the order of their series.
pub(crate) const OUTCOMES: [&str; 4] = ["ok", "error", "panic", "cancelled"];
