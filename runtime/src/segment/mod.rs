//! The file of one process: its layout, its memory, its creation and its lock.
//!
//! It knows neither the handles of metrics nor collectors. Writer and reader share `format`;
//! everything else belongs to the writer.

mod checksum;
pub(crate) mod create;
pub(crate) mod current;
pub(crate) mod exemplar;
pub(crate) mod fork_safe_fd;
pub(crate) mod format;
pub(crate) mod mapping;
pub(crate) mod memory;
pub(crate) mod own;
pub(crate) mod publish;
pub(crate) mod records;
pub(crate) mod shard;
pub(crate) mod tally;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod wiped;

// The atomics that publishing uses. A model in another crate substitutes its own.
use core::sync;
