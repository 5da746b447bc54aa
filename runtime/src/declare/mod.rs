//! What a program declares, as the compiler and the linker know it.
//!
//! Descriptors are built and checked in constants, and registered at link time. This layer knows
//! neither files nor what becomes of a declaration at run time, but for the word in which a site
//! keeps its slot.

pub(crate) mod buckets;
pub(crate) mod catalogue;
pub(crate) mod checks;
pub(crate) mod descriptor;
pub(crate) mod registry;
