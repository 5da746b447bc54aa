//! What expansions look like. Each layer has its own tests beside its code.

pub(crate) mod functions;
pub(crate) mod keys;
