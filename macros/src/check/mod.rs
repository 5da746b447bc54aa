//! The rules: checks what was parsed, and makes a plan of it.
//!
//! Each rule is a function, named after what it asks for. All rules run, so that a user sees every
//! mistake at once. Nothing is printed here but messages.

pub(crate) mod args;
pub(crate) mod buckets;
pub(crate) mod durations;
pub(crate) mod function;
pub(crate) mod metric;
pub(crate) mod metric_family;
pub(crate) mod metric_static;
pub(crate) mod modes;
pub(crate) mod names;
pub(crate) mod native;
pub(crate) mod plan_family;
pub(crate) mod plan_function;

#[cfg(test)]
mod tests;
