//! Other processes, of which nothing is known; and limits, of which there are none.

pub(crate) use super::fs::Uid;
use super::io::{Errno, Result};

#[allow(dead_code, reason = "some only with some features")]
pub(crate) enum Resource {
    Fsize,
    Nofile,
}

pub(crate) struct Rlimit {
    pub(crate) current: Option<u64>,
}

pub(crate) fn getrlimit(_: Resource) -> Rlimit {
    Rlimit { current: None }
}

/// The user that a segment's header names, which only this process reads.
pub(crate) fn geteuid() -> Uid {
    Uid
}

impl Uid {
    pub(crate) fn from_raw(_: u32) -> Self {
        Self
    }

    pub(crate) fn as_raw(self) -> u32 {
        0
    }

    pub(crate) fn is_root(self) -> bool {
        false
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Pid;

impl Pid {
    pub(crate) fn from_raw(number: i32) -> Option<Self> {
        (number > 0).then_some(Self)
    }

    #[cfg(feature = "process")]
    pub(crate) fn as_raw_nonzero(self) -> core::num::NonZeroI32 {
        core::num::NonZeroI32::MIN
    }
}

/// Nobody knows whether there is such a process.
pub(crate) fn test_kill_process(_: Pid) -> Result<()> {
    Err(Errno::NOSYS)
}
