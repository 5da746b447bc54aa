pub(crate) mod family;
pub(crate) mod function;
