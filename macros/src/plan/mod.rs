//! What is to be measured, as data: which families, which recorders, which calls.
//!
//! `check` makes plans and `expand` prints them. A plan knows neither: it holds what the user wrote
//! (types of `parse`), what was derived from it, and answers questions about itself. Nothing in it
//! can be wrong any more.

pub(crate) mod bounds;
pub(crate) mod family;
pub(crate) mod function;
pub(crate) mod label;
pub(crate) mod metric;
pub(crate) mod records;
