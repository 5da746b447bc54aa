//! The plan of one measured function.

use proc_macro2::TokenStream;
use syn::{Expr, LitStr};

use crate::parse::function::Function;
use crate::parse::known_types::never_an_error;
use crate::parse::shape::{Shape, written_type};
use crate::parse::values::Only;
use crate::plan::family::Descriptor;
use crate::plan::records::{Bits, Records};

/// A function and all that is to be recorded of it.
pub(crate) struct Plan {
    /// The path of `__private`.
    pub(crate) krate: TokenStream,
    pub(crate) function: Function,
    pub(crate) shape: Shape,
    /// Whether the compiler has to be asked if the type hides a future.
    pub(crate) asks: bool,
    /// Whether `future = false` stands on the function itself: the returned value is a future, so
    /// it is no error, and nothing has to look at it.
    pub(crate) is_call: bool,
    pub(crate) sites: Vec<Site>,
    /// The expression of each `when`.
    pub(crate) conditions: Vec<Expr>,
    pub(crate) calls: Vec<Call>,
}

/// One entry of the function's `static`.
pub(crate) enum Site {
    /// The attributes without a name, together, and what they record.
    Function(Bits),
    Metric(Box<Descriptor>),
}

/// Recorders that have the same definition of an error, and so can share one guard.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) error_if: Option<Expr>,
    /// `error_if` as text, to compare.
    pub(crate) text: Option<String>,
    pub(crate) recorders: Vec<Recorder>,
    /// The patterns that an error is compared with. A recorder knows the index of its own.
    pub(crate) patterns: Vec<Only>,
    /// What is counted in series that are known only when there is an error.
    pub(crate) late: Vec<Late>,
}

pub(crate) struct Recorder {
    pub(crate) place: Place,
    pub(crate) records: Records,
    /// Index into [`Plan::conditions`].
    pub(crate) when: Option<usize>,
    /// Leaves out calls that are cancelled.
    pub(crate) completed: bool,
}

/// Where a recorder writes.
pub(crate) enum Place {
    /// Index into [`Plan::sites`].
    Site(usize),
    /// A metric that is declared elsewhere.
    Metric(Expr),
}

/// The series of an error: some labels are known when the call begins, the others come from the
/// error.
pub(crate) struct Late {
    pub(crate) site: usize,
    pub(crate) when: Option<usize>,
    pub(crate) only: Option<Only>,
    /// The name of each label, and the closure or function that makes its value from the error;
    /// `None` if the error itself is the value.
    pub(crate) values: Vec<(LitStr, Option<Expr>)>,
}

impl Plan {
    /// Whether the returned value can be no error, so that nothing has to look at it.
    pub(crate) fn never_fails(&self) -> bool {
        self.is_call
            || !self.shape.returns_future()
                && written_type(&self.function.sig).is_none_or(never_an_error)
    }
}

impl Recorder {
    /// Whether it has to know how the call ended.
    pub(crate) fn needs_outcome(&self) -> bool {
        self.completed || self.records.needs_outcome()
    }

    /// Whether everything is recorded when the call begins.
    pub(crate) fn only_counts(&self) -> bool {
        matches!(self.place, Place::Site(_))
            && matches!(self.records, Records::Calls | Records::Function(Bits::COUNTED))
    }
}
