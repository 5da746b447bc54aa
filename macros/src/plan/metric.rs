//! A metric that is declared for itself, by `#[metric]`.

use proc_macro2::TokenStream;
use syn::{Expr, Ident, LitInt, LitStr, Type};

use crate::kind::Kind;
use crate::parse::full_name::FullName;
use crate::plan::bounds::Bounds;

/// What the descriptor of a metric is printed from.
pub(crate) struct Metric {
    /// The path of `__private`.
    pub(crate) krate: TokenStream,
    pub(crate) kind: Kind,
    /// The type of the handle.
    pub(crate) ty: Type,
    pub(crate) name: FullName,
    pub(crate) help: LitStr,
    pub(crate) unit: Option<LitStr>,
    /// The variant of `__private::GaugeMode`.
    pub(crate) mode: Option<&'static str>,
    pub(crate) bounds: Bounds,
    /// The schema of a native histogram.
    pub(crate) native: Option<u8>,
    /// Whether it keeps exemplars of its own accord.
    pub(crate) exemplars: bool,
    pub(crate) labels: Labels,
    pub(crate) max_series: Option<LitInt>,
    /// In seconds.
    pub(crate) idle_timeout: Option<u32>,
}

pub(crate) enum Labels {
    None,
    /// Of a `static`: each name, and an expression that the compiler evaluates.
    Constant(Vec<(LitStr, Expr)>),
    /// Of a family: its parameters.
    Parameters(Vec<Parameter>),
}

/// A parameter of a family, and the label whose values it takes.
pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    pub(crate) label: LitStr,
    pub(crate) ty: Type,
}
