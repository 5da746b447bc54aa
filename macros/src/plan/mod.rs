//! What is to be measured, as data: families, recorders and calls.
//!
//! `check` makes plans, and `expand` prints them. A plan knows neither. It holds what the user
//! wrote (in types of `parse`) and what was derived from it, all of which has been checked.

pub(crate) mod bounds;
pub(crate) mod family;
pub(crate) mod function;
pub(crate) mod label;
pub(crate) mod metric;
pub(crate) mod records;
