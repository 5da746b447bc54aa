pub(crate) mod args;
pub(crate) mod full_name;
pub(crate) mod function;
pub(crate) mod keys;
pub(crate) mod shape;
pub(crate) mod values;
