//! One process's file: its bytes, its memory, its making and its lock.
//!
//! It knows neither metrics' handles nor collectors; `format` is shared by writer and reader, the rest is the writer's.

pub(crate) mod create;
pub(crate) mod current;
pub(crate) mod fold_fd;
pub(crate) mod format;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod mapping;
pub(crate) mod memory;
pub(crate) mod own;
pub(crate) mod publish;
pub(crate) mod shard;
pub(crate) mod tally;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod wiped;

// What is published with: a model, in another crate, has other atomics.
use core::sync;
