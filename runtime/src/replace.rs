//! Replaces a file that any of several processes may replace, each deriving the new one from the
//! old one: the archive and the ledger.
//!
//! The processes take turns by locking a file beside it. But that lock file can be removed, by a
//! person or by a program that tidies up. The next process then creates another lock file and locks
//! that one, while the first process continues. Checking again whether the name still leads to the
//! locked file ([`leads_to`]) leaves a gap between the check and the renaming, in which a process
//! can be stopped for any length of time. So the original is locked as well, before it is read.
//! While a process holds that lock no other process replaces the file that it has read, and the
//! next process that gets the lock finds that the name leads to another file by now.

use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::kernel;
use crate::kernel::fd::AsFd;
use crate::kernel::fs::{
    AtFlags, FlockOperation, RenameFlags, flock, fstat, renameat, renameat_with, statat,
};
use crate::kernel::io::Errno;
use crate::process::{Forks, epoch};
use crate::segment::fork_safe_fd::{self, Registered};

/// The file that is to be replaced, and its lock.
pub(crate) struct Original<'a> {
    directory: &'a Directory,
    name: &'static str,
    epoch: u32,
    /// `None`: there was no such file.
    fd: Option<Registered>,
}

impl<'a> Original<'a> {
    /// Locks it without waiting; `None` if another process has the lock.
    pub(crate) fn hold(
        directory: &'a Directory,
        name: &'static str,
        forks: Forks,
    ) -> Result<Option<Self>, Error> {
        // A child must not inherit the descriptor before the fork handler knows of it. `None`: this
        // thread is inside an operation.
        let Some(held) = forks.without(|| Self::open(directory, name)).transpose()? else {
            return Ok(None);
        };
        let Some(held) = held else { return Ok(None) };
        let lock =
            |fd: &Registered| fd.with(|fd| flock(fd, FlockOperation::NonBlockingLockExclusive));
        // Ignores any other error: on a filesystem without locks, the lock beside it has to
        // suffice.
        if let Some(Some(Err(Errno::WOULDBLOCK)) | None) = held.fd.as_ref().map(lock) {
            // Another process has it; or this one's descriptor was closed.
            return Ok(None);
        }
        // The file may have been replaced before it was locked.
        Ok(held.check().is_ok().then_some(held))
    }

    /// `None`: there are too many descriptors.
    fn open(directory: &'a Directory, name: &'static str) -> Result<Option<Self>, Error> {
        let held = |fd| Self { directory, name, epoch: epoch(), fd };
        let Some(fd) = directory.open_replaceable(name)? else { return Ok(Some(held(None))) };
        let fd = fork_safe_fd::register(fd).map_err(|e| Error::io("stat the file", e))?;
        Ok(fd.map(|fd| held(Some(fd))))
    }

    /// Whether the name still leads to the file that was locked, or to none if there was none.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let is_there = match &self.fd {
            // A signal handler can fork, and the child continues without the lock.
            Some(_) if self.epoch != epoch() => false,
            Some(fd) => fd.with(|fd| leads_to(self.directory, self.name, fd)).unwrap_or(false),
            None => {
                let found = statat(self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW);
                matches!(found, Err(Errno::NOENT))
            }
        };
        if is_there { Ok(()) } else { Err(Error::new(ErrorKind::LockLost)) }
    }

    /// Renames `new` to this file's name.
    pub(crate) fn replace_by(&self, new: &str) -> kernel::io::Result<()> {
        let Self { directory, name, .. } = *self;
        let replace = || renameat(directory, new, directory, name);
        if self.fd.is_some() {
            return replace();
        }
        // There is no original to lock. So the second process must find the first one's file.
        match renameat_with(directory, new, directory, name, RenameFlags::NOREPLACE) {
            // Filesystems without this operation are not fit for a metrics directory anyway.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => replace(),
            done => done,
        }
    }
}

impl Drop for Original<'_> {
    fn drop(&mut self) {
        // In a child the fork handler has closed the descriptor.
        if let (true, Some(fd)) = (self.epoch == epoch(), self.fd.take()) {
            // A child that was created without fork handlers has the open file too.
            let _ = fd.with(|fd| flock(fd, FlockOperation::Unlock));
            fd.close();
        }
    }
}

/// Whether the name leads to this very file.
pub(crate) fn leads_to(directory: &Directory, name: &str, file: impl AsFd) -> bool {
    let named = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    let (Ok(named), Ok(opened)) = (named, fstat(file)) else { return false };
    (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino) && opened.st_nlink == 1
}
