//! Watches of directories, of which there are none.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::super::fd::{AsFd, OwnedFd};
use super::super::flags::flags;
use super::super::io::{Errno, Result};

flags! {
    CreateFlags { CLOEXEC = 1, NONBLOCK = 2 }
    WatchFlags {
        OPEN = 1, MODIFY = 2, ATTRIB = 4, CREATE = 8, DELETE = 16, MOVE = 32, DELETE_SELF = 64,
        MOVE_SELF = 128, ONLYDIR = 256,
    }
    ReadFlags { QUEUE_OVERFLOW = 1, IGNORED = 2, UNMOUNT = 4, DELETE_SELF = 8, MOVE_SELF = 16 }
}

pub(crate) fn init(_: CreateFlags) -> Result<OwnedFd> {
    Err(Errno::NOSYS)
}

pub(crate) fn add_watch(queue: impl AsFd, _: String, _: WatchFlags) -> Result<i32> {
    queue.as_fd().absurd()
}

pub(crate) struct Reader<F>(F);
pub(crate) struct Event<'a>(&'a OwnedFd);

impl<F: AsFd> Reader<F> {
    pub(crate) fn new(queue: F, _: &mut [MaybeUninit<u8>]) -> Self {
        Self(queue)
    }

    pub(crate) fn next(&mut self) -> Result<Event<'_>> {
        self.0.as_fd().absurd()
    }
}

impl Event<'_> {
    pub(crate) fn events(&self) -> ReadFlags {
        self.0.as_fd().absurd()
    }

    pub(crate) fn file_name(&self) -> Option<&CStr> {
        self.0.as_fd().absurd()
    }
}
