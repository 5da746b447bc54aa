//! What one attribute on one item does. These are the only files that see all layers: they parse,
//! check and expand.

pub(crate) mod block;
pub(crate) mod combine;
pub(crate) mod metric;
