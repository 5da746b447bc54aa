//! A system whose processes don't share files: each counts in memory of its own.
//!
//! Nothing here stands for a call that would do something: there are no descriptors, so what takes
//! one cannot be called, and what would return one fails. What is left is memory, threads, clocks,
//! and on Unix forks and signals.

pub(crate) mod fd;
mod flags;
pub(crate) mod fs;
pub(crate) mod io;
pub(crate) mod leases;
pub(crate) mod lock;
pub(crate) mod mm;
mod never;
pub(crate) mod process;
#[cfg(feature = "process")]
pub(crate) mod procfs;
pub(crate) mod rand;
mod system;
pub(crate) mod thread;
mod time;
#[cfg(all(unix, not(miri)))]
mod unix;
#[cfg(not(all(unix, not(miri))))]
mod without_forks;

pub(crate) use io::errno;
pub(crate) use mm::reserve;
pub(crate) use system::*;
pub(crate) use time::{Clock, clock_ns};
#[cfg(all(unix, not(miri)))]
pub(crate) use unix::*;
#[cfg(not(all(unix, not(miri))))]
pub(crate) use without_forks::*;
