//! `derive(LabelValue)`, which needs none of the layers of attributes: it is small enough to be
//! parsed, checked and printed in one file.

pub(crate) mod case;
pub(crate) mod label_value;
