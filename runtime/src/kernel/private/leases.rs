//! Who has a file open, where no file can be.

use super::fd::{AsFd, BorrowedFd};
use super::io::Errno;

pub(crate) fn has_writers(file: impl AsFd) -> Option<bool> {
    file.as_fd().absurd()
}

#[derive(Debug)]
pub(crate) struct Unwritten<'a>(#[allow(dead_code, reason = "its type is all")] BorrowedFd<'a>);

impl<'a> Unwritten<'a> {
    pub(crate) fn hold(file: BorrowedFd<'a>) -> Result<Self, Errno> {
        file.absurd()
    }
}
