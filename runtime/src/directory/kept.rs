//! The directory in which this process and its children count, as this process first opened it.
//!
//! A path may lead elsewhere later: in a child that changed its root directory or its mount
//! namespace, after a rename, or nowhere for a user who may not search the directories above. A
//! descriptor leads to the directory that was opened. `fork` passes it on, and `exec` closes it.

use std::io;
use std::mem::ManuallyDrop;
use std::path::PathBuf;

use crate::error::Error;
use crate::kernel::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::kernel::fs::{AtFlags, Stat, fstat, linkat};
use crate::kernel::io::{Errno, fcntl_dupfd_cloexec};
use crate::process;

use super::{Directory, TEMPORARY};

/// A directory that was found fit. It is usable for as long as its descriptor's number is still its
/// own: a program that becomes a daemon closes all descriptors, and its next file may get the
/// number. Therefore device and inode are compared before each use.
#[derive(Debug)]
pub(crate) struct KnownDirectory {
    /// Not a plain `OwnedFd`: dropping that closes whatever file has the number by then.
    fd: Option<ManuallyDrop<OwnedFd>>,
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// The state of a directory that was kept.
#[derive(Debug)]
pub(crate) enum Found {
    /// It exists, and this is a new descriptor of it.
    There(Directory),
    /// Somebody removed it.
    Removed,
    /// The descriptor's number belongs to another file, or to none.
    Closed,
}

impl KnownDirectory {
    pub(crate) fn of(directory: &Directory) -> io::Result<Self> {
        let fd = fcntl_dupfd_cloexec(directory, process::high_number())?;
        let stat = fstat(&fd)?;
        let path = directory.path().to_owned();
        let (device, inode) = (stat.st_dev, stat.st_ino);
        Ok(Self { fd: Some(ManuallyDrop::new(fd)), path, device, inode })
    }

    /// Finds it by its descriptor. No system call in here walks a path, or waits.
    pub(crate) fn find(&self) -> Result<Found, Error> {
        // Compared before it is copied: closing a copy of another file's descriptor would drop the
        // record locks that this process holds on that file.
        let Some(fd) = self.number() else { return Ok(Found::Closed) };
        // The caller gets its own descriptor, since the number may become another file's at any
        // moment.
        let fd = match fcntl_dupfd_cloexec(fd, process::high_number()) {
            Ok(fd) => fd,
            Err(Errno::BADF) => return Ok(Found::Closed),
            Err(e) => return Err(Error::io("get a descriptor", e).at(&self.path)),
        };
        let failed = |e| Error::io("stat the directory", e).at(&self.path);
        let stat = fstat(&fd).map_err(failed)?;
        if !self.is_it(&stat) {
            return Ok(Found::Closed);
        }
        if is_removed(&fd, &stat) {
            return Ok(Found::Removed);
        }
        Directory::checked(fd, &self.path).map(Found::There).map_err(|e| e.at(&self.path))
    }

    fn is_it(&self, stat: &Stat) -> bool {
        (stat.st_dev, stat.st_ino) == (self.device, self.inode)
    }

    /// The descriptor, if its number is still its own.
    fn number(&self) -> Option<BorrowedFd<'_>> {
        let fd = self.fd.as_ref()?.as_fd();
        fstat(fd).is_ok_and(|stat| self.is_it(&stat)).then_some(fd)
    }

    /// Whether it is known to have little space left.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.number().is_some_and(super::is_nearly_full)
    }

    /// Finds it by its path, for a caller that finds the descriptor closed.
    pub(crate) fn find_by_path(&self) -> Result<Directory, Error> {
        let directory = Directory::open(&self.path)?;
        if fstat(&directory).is_ok_and(|stat| self.is_it(&stat)) {
            return Ok(directory);
        }
        let reason = "the directory's descriptor was closed, and its path leads elsewhere";
        Err(Error::directory(reason).at(&self.path))
    }
}

/// Whether an open directory has no name any more.
fn is_removed(fd: &OwnedFd, stat: &Stat) -> bool {
    // A directory has two names at least: `.` is one. Filesystems that do not count them say 1, and
    // overlayfs says so of a directory that is in a lower layer too, even once it is removed. But
    // in a removed directory the kernel finds no place for a name, while in any other it refuses to
    // link a directory.
    stat.st_nlink == 0
        || stat.st_nlink == 1
            && linkat(fd, ".", fd, TEMPORARY, AtFlags::empty()) == Err(Errno::NOENT)
}

impl Drop for KnownDirectory {
    fn drop(&mut self) {
        if self.number().is_some() {
            self.fd.take().map(ManuallyDrop::into_inner);
        }
    }
}
