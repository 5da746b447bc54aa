pub(crate) mod block;
pub(crate) mod combine;
pub(crate) mod family;
pub(crate) mod metric;
