//! The bucket bounds of a histogram.

use proc_macro2::Span;
use syn::Expr;

/// Where the bounds come from.
pub(crate) enum Bounds {
    /// Those of every duration that has no bounds of its own.
    Default,
    Literal(Vec<Bound>),
    /// An expression that the compiler evaluates.
    Const(Expr),
}

/// A number that was written out, and where.
pub(crate) struct Bound {
    pub(crate) value: f64,
    pub(crate) span: Span,
}
