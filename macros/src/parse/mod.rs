//! Reads what was written, and keeps it with its spans: the keys of an attribute, and the item that
//! it stands on. The bodies of functions stay tokens.
//!
//! This layer knows the grammar and none of the rules: what a value means, and whether it is
//! allowed there, is for `check`. A mistake in one key doesn't hide those in others. Nothing is
//! printed here, except that an item can be given back as it was.

pub(crate) mod args;
pub(crate) mod full_name;
pub(crate) mod function;
pub(crate) mod item;
pub(crate) mod keys;
pub(crate) mod known_types;
pub(crate) mod list;
pub(crate) mod marker;
pub(crate) mod metric;
pub(crate) mod shape;
pub(crate) mod types;
pub(crate) mod values;
