//! What expansions look like. Each layer has its own tests beside its code.

mod functions;
mod keys;
mod metrics;
mod print;
mod together;
