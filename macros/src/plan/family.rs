//! A family that an attribute of a function declares, as far as it is known at compile time.

use syn::{LitInt, LitStr};

use crate::kind::Attribute;
use crate::parse::full_name::FullName;
use crate::plan::bounds::Bounds;
use crate::plan::label::{Label, LabelValue};

/// A family with a name of its own.
#[expect(clippy::struct_excessive_bools, reason = "the flags that its author wrote")]
pub(crate) struct Descriptor {
    pub(crate) attribute: Attribute,
    pub(crate) name: FullName,
    pub(crate) help: Help,
    pub(crate) unit: Option<LitStr>,
    pub(crate) labels: Vec<Label>,
    pub(crate) outcome: bool,
    pub(crate) summary: bool,
    /// Whether it says when the oldest call in progress began.
    pub(crate) oldest: bool,
    /// The variant of `__private::GaugeMode`.
    pub(crate) mode: Option<&'static str>,
    pub(crate) max_series: Option<LitInt>,
    /// In seconds.
    pub(crate) idle_timeout: Option<u32>,
    pub(crate) bounds: Bounds,
    /// The schema of a native histogram.
    pub(crate) native: Option<u8>,
    /// Whether it keeps exemplars of its own accord.
    pub(crate) exemplars: bool,
}

pub(crate) enum Help {
    Given(LitStr),
    /// What is measured, and the function's name, which follows its module in the text.
    Function(&'static str, String),
}

impl Descriptor {
    pub(crate) fn has_bounds(&self) -> bool {
        self.attribute == Attribute::Timed && !self.summary && self.native.is_none()
    }

    /// Whether its bounds need an item of their own.
    pub(crate) fn has_own_bounds(&self) -> bool {
        self.has_bounds() && !matches!(self.bounds, Bounds::Default)
    }

    /// The values of labels that are taken when a call begins.
    pub(crate) fn values(&self) -> impl Iterator<Item = &LabelValue> {
        self.labels.iter().map(|label| &label.value).filter(|value| {
            matches!(value, LabelValue::Open(_) | LabelValue::Of(..) | LabelValue::Argument(..))
        })
    }
}
