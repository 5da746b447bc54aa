//! The labels of a family, and where their values come from.

use syn::{Expr, Ident, LitStr, Type};

/// One label of a family.
pub(crate) struct Label {
    pub(crate) name: LitStr,
    pub(crate) value: LabelValue,
}

pub(crate) enum LabelValue {
    /// The same in every call.
    Literal(LitStr),
    /// Evaluated in each call, of any type.
    Open(Expr),
    /// Evaluated in each call, of this type.
    Of(Type, Expr),
    /// An argument of this type.
    Argument(Type, Ident),
    /// Taken from the error.
    OfError,
}
