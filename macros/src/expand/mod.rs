//! Prints plans. It can't fail, and it never sees the arguments of an attribute: all that it has to
//! know is in the plan.
//!
//! What is printed are calls of functions in `headcount::__private`, where what they do can be
//! tested. Macros of a program that has a thousand annotated functions print a thousand times, and
//! rustc compiles all of it: so expansions are short.

pub(crate) mod arguments;
pub(crate) mod body;
pub(crate) mod bounds;
pub(crate) mod ends;
pub(crate) mod family;
pub(crate) mod function;
pub(crate) mod metric;
pub(crate) mod name;
pub(crate) mod sites;
pub(crate) mod tail;
