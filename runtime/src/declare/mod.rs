//! The declarations of a program, as the compiler and the linker know them.
//!
//! Descriptors are built and checked in constants, and registered at link time. This layer knows
//! neither files nor the use of a declaration at run time, except the word in which a site caches
//! its slot.

pub(crate) mod buckets;
pub(crate) mod catalogue;
pub(crate) mod checks;
pub(crate) mod definition;
pub(crate) mod descriptor;
pub(crate) mod durations;
pub(crate) mod registry;
