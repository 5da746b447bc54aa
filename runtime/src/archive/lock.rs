//! The compaction lock: one process at a time compacts a directory.

use crate::directory::{COMPACTION_LOCK, Directory};
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::kernel::errno;
use crate::kernel::fs::{FileType, OFlags, fchmod, fstat, openat};
use crate::kernel::io::Errno;
use crate::kernel::lock;
use crate::process::{Forks, epoch};
use crate::replace::leads_to;
use crate::segment::fork_safe_fd::{self, Registered};

/// The lock, while it is held.
pub(crate) struct CompactionLock<'a> {
    directory: &'a Directory,
    epoch: u32,
    fd: Option<Registered>,
}

impl<'a> CompactionLock<'a> {
    /// Takes the lock without waiting; `None` if another process has it.
    pub(crate) fn take(directory: &'a Directory, forks: Forks) -> Result<Option<Self>, Error> {
        // `None`: this thread is inside an operation of the library, where it must not compact.
        let Some(held) = forks.without(|| Self::open(directory)).transpose()?.flatten() else {
            return Ok(None);
        };
        let take = |fd: &Registered| fd.with(|fd| fault::call!("compaction.lock", lock::take(fd)));
        match held.fd.as_ref().and_then(take) {
            // Another process may have removed the file before it was locked. Then the next one
            // would lock another file.
            Some(Ok(())) => Ok(held.check().is_ok().then_some(held)),
            Some(Err(e)) if !matches!(e.raw_os_error(), Some(errno::EAGAIN | errno::EACCES)) => {
                Err(Error::io("lock the directory for compaction", e))
            }
            _ => Ok(None),
        }
    }

    /// Opens the lock's file while the store is locked: a child that is forked before the
    /// descriptor is registered would inherit it. So nothing here may wait.
    fn open(directory: &'a Directory) -> Result<Option<Self>, Error> {
        let path = || directory.path().join(COMPACTION_LOCK);
        let failed = |e| Error::io("open the lock for compaction", e).at(&path());
        let mode = directory.lock_mode();
        // Without `NONBLOCK`, a process that has a lease on the file could delay this for up to 45
        // seconds.
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let open = |flags| openat(directory, COMPACTION_LOCK, flags, mode);
        let (fd, is_made) = match fault::call!("compaction.open", open(flags)) {
            Err(Errno::NOENT) => match open(flags | OFlags::CREATE | OFlags::EXCL) {
                // Another compactor has just created it.
                Err(Errno::EXIST) => return Ok(None),
                new => (new.map_err(failed)?, true),
            },
            Err(Errno::AGAIN) => return Ok(None),
            opened => (opened.map_err(failed)?, false),
        };
        let stat = fstat(&fd).map_err(failed)?;
        // A stranger who created it in a directory like `/tmp` could hold it for ever.
        directory.check_owner(&stat).map_err(|e| e.at(&path()))?;
        // A hard link to another file must not be used.
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink > 1 {
            let reason = "the lock for compaction is not a regular file with one name";
            return Err(Error::new(ErrorKind::Foreign { reason }).at(&path()));
        }
        if stat.st_nlink == 0 {
            // It was just removed, so other processes lock another file.
            return Ok(None);
        }
        // Only for a file that was created here: a user with write access to the directory can move
        // another file of this user to this name.
        if is_made {
            // The umask may have removed permissions.
            let _ = fchmod(&fd, mode);
            directory.give_to_owner(&fd)?;
        }
        let fd = fork_safe_fd::register(fd).map_err(failed)?;
        // From here on, dropping it releases the descriptor.
        Ok(fd.map(|fd| Self { directory, epoch: epoch(), fd: Some(fd) }))
    }

    /// Checks that this still is the process that took the lock, and that other processes would
    /// find it locked. Must be called before anything is replaced or removed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // A signal handler can fork during a compaction, and the child continues without the lock.
        // A program that becomes a daemon closes all descriptors, which releases the lock.
        let leads = |fd: &Registered| fd.with(|fd| leads_to(self.directory, COMPACTION_LOCK, fd));
        match self.fd.as_ref().and_then(leads) {
            Some(leads) if self.epoch == epoch() => {
                // If the name leads elsewhere, the next process creates another file, locks that,
                // and compacts.
                if leads { Ok(()) } else { Err(Error::new(ErrorKind::LockLost)) }
            }
            _ => Err(Error::io("continue a compaction after a fork", Errno::INTR)),
        }
    }
}

impl Drop for CompactionLock<'_> {
    fn drop(&mut self) {
        // In a child, the fork handler has closed the descriptor.
        if let (true, Some(fd)) = (self.epoch == epoch(), self.fd.take()) {
            // Released before it is closed: a child that was created without fork handlers still
            // has the open file description.
            let _ = fd.with(|fd| fault::call!("compaction.unlock", lock::release(fd)));
            fault::step!("compaction.close", fd.close());
        }
    }
}
