//! What an expansion is printed from. Nothing in here can be wrong any more.

use proc_macro2::TokenStream;
use syn::{Expr, ExprPath, LitStr};

use crate::function::Function;
use crate::keys::Attribute;
use crate::shape::Shape;

/// A function and all that is to be recorded of it.
pub(crate) struct Plan {
    /// The path of `__private`.
    pub(crate) krate: TokenStream,
    pub(crate) function: Function,
    pub(crate) shape: Shape,
    pub(crate) sites: Vec<Site>,
    pub(crate) calls: Vec<Call>,
}

/// One entry of the function's `static`.
pub(crate) enum Site {
    /// All nameless attributes together: the bits of what they record.
    Function(u32),
    Metric(Descriptor),
}

/// Recorders that agree on what an error is, and so can share one guard.
pub(crate) struct Call {
    pub(crate) error_if: Option<Expr>,
    /// `error_if` as text, to compare.
    pub(crate) text: Option<String>,
    pub(crate) recorders: Vec<Recorder>,
}

pub(crate) struct Recorder {
    /// Index into [`Plan::sites`].
    pub(crate) site: usize,
    pub(crate) records: Records,
}

/// The recorders of `__private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    Function(u32),
    Calls,
    Outcomes,
    Durations,
    OutcomeDurations,
    InProgress,
    Exceptions,
}

impl Records {
    /// Whether it has to know how the call ended.
    pub(crate) fn needs_outcome(self) -> bool {
        match self {
            // The bits of outcomes, durations by outcome, and exceptions.
            Records::Function(what) => what & (2 | 8 | 32) != 0,
            Records::Outcomes | Records::OutcomeDurations | Records::Exceptions => true,
            Records::Calls | Records::Durations | Records::InProgress => false,
        }
    }

    /// Whether all is recorded when the call begins.
    pub(crate) fn only_counts(self) -> bool {
        matches!(self, Records::Calls | Records::Function(1))
    }
}

/// A family with a name of its own.
pub(crate) struct Descriptor {
    pub(crate) attribute: Attribute,
    pub(crate) name: LitStr,
    pub(crate) help: Help,
    pub(crate) unit: Option<LitStr>,
    pub(crate) labels: Vec<Label>,
    pub(crate) outcome: bool,
    pub(crate) bounds: Bounds,
}

pub(crate) enum Help {
    Given(LitStr),
    /// Made of the function's name and its module.
    Default {
        what: &'static str,
        function: String,
    },
}

pub(crate) struct Label {
    pub(crate) name: LitStr,
    pub(crate) value: LabelValue,
}

pub(crate) enum LabelValue {
    /// The same in every call.
    Literal(LitStr),
    /// Evaluated in each call.
    Open(Expr),
}

pub(crate) enum Bounds {
    Default,
    Literal(Vec<TokenStream>),
    Const(ExprPath),
}
