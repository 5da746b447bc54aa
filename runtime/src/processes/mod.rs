//! Process metrics from the kernel, for the processes whose segments are read: CPU time, memory,
//! descriptors. No code runs in these processes.
//!
//! Everything except time covers living processes only. Time is a counter: what dead processes used
//! stays in it, by a ledger beside the segments (`ledger`, `file`) that the collectors of all
//! processes share. A collector looks at the processes under the ledger's lock (`look`): if it
//! finds a process gone, no collector whose numbers come later can find it alive, so nothing counts
//! twice. What a process used between the last look and its death is unknown.

mod families;
mod file;
mod kernel;
mod ledger;
mod look;

pub use families::ProcessMetrics;
pub(crate) use families::families;
#[cfg(feature = "serve")]
pub(crate) use kernel::Glance;
#[cfg(feature = "serve")]
pub(crate) use look::glance;
