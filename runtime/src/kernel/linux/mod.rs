//! Linux, where processes share files: what rustix and libc have, and what they lack.

pub(crate) mod leases;
pub(crate) mod lock;
mod pin;
mod system;

pub(crate) use std::os::fd;

pub(crate) use libc as errno;
pub(crate) use libc::{SIG_SETMASK, pthread_atfork, pthread_sigmask, sigfillset, sigset_t};
#[cfg(feature = "process")]
#[allow(clippy::single_component_path_imports, reason = "for the rest of the library")]
pub(crate) use procfs;
pub(crate) use rustix::{fs, io, mm, process, rand, thread};

pub(crate) use pin::pin;
pub(crate) use system::*;
