//! Prints plans. This layer can't fail, and it never sees the arguments of an attribute: everything
//! that it needs is in the plan.
//!
//! Expansions consist of calls of functions in `headcount::__private`, where they can be tested.
//! They are short, because rustc compiles one for each annotated function.

pub(crate) mod arguments;
pub(crate) mod body;
pub(crate) mod bounds;
pub(crate) mod ends;
pub(crate) mod family;
pub(crate) mod function;
pub(crate) mod metric;
pub(crate) mod name;
pub(crate) mod recorders;
pub(crate) mod sites;
pub(crate) mod tail;
pub(crate) mod types;
