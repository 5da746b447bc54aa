//! The lock that folders take: one at a time in a directory.

use rustix::fs::{FileType, OFlags, fchmod, fstat, openat};
use rustix::io::Errno;

use crate::directory::{Directory, FOLD_LOCK};
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::process::{Forks, epoch};
use crate::replace::leads_to;
use crate::segment::fold_fd::{self, Kept};
use crate::segment::lock;

/// The lock, held.
pub(crate) struct FoldLock<'a> {
    directory: &'a Directory,
    epoch: u32,
    kept: Option<Kept>,
}

impl<'a> FoldLock<'a> {
    /// Takes it without waiting; `None` if someone else has it.
    pub(crate) fn take(directory: &'a Directory, forks: Forks) -> Result<Option<Self>, Error> {
        // `None`: called from inside an operation of this very thread; not the time to fold.
        let Some(held) = forks.without(|| Self::open(directory)).transpose()?.flatten() else {
            return Ok(None);
        };
        let take = |kept: &Kept| kept.with(|fd| fault::call!("fold.lock", lock::take(fd)));
        match held.kept.as_ref().and_then(take) {
            // It may have been removed before it was locked: then the next one locks another file.
            Some(Ok(())) => Ok(held.check().is_ok().then_some(held)),
            Some(Err(e)) if !matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
                Err(Error::io("lock the directory for compaction", e))
            }
            _ => Ok(None),
        }
    }

    /// The mutex is held meanwhile: a child that is forked before the descriptor is kept would have
    /// it too. So nothing here may wait.
    fn open(directory: &'a Directory) -> Result<Option<Self>, Error> {
        let failed = |e| Error::io("open the lock for compaction", e);
        let mode = directory.lock_mode();
        // `NONBLOCK`: who has a lease on the file would hold this up for up to 45 seconds.
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let open = |flags| openat(directory, FOLD_LOCK, flags, mode);
        let (fd, is_made) = match fault::call!("fold.open", open(flags)) {
            Err(Errno::NOENT) => match open(flags | OFlags::CREATE | OFlags::EXCL) {
                // Another folder has just made it.
                Err(Errno::EXIST) => return Ok(None),
                new => (new.map_err(failed)?, true),
            },
            Err(Errno::AGAIN) => return Ok(None),
            opened => (opened.map_err(failed)?, false),
        };
        let stat = fstat(&fd).map_err(failed)?;
        // Another name of somebody's file must not be used.
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink > 1 {
            return Err(Error::new(ErrorKind::Foreign {
                reason: "a lock that is no file of its own",
            }));
        }
        if stat.st_nlink == 0 {
            // Removed just now: others lock another file.
            return Ok(None);
        }
        // Only of what was made here: whoever may write to the directory can move another file of
        // this user's to this name.
        if is_made {
            // Whatever the umask left of it.
            let _ = fchmod(&fd, mode);
            directory.give_to_owner(&fd)?;
        }
        let kept = fold_fd::keep(fd).map_err(failed)?;
        // From here on dropping it gives back what was got.
        Ok(kept.map(|kept| Self { directory, epoch: epoch(), kept: Some(kept) }))
    }

    /// Whether this still is the process that took it, and others would wait for it: to be asked
    /// before
    /// anything is replaced or removed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // A signal handler can fork in the middle of folding, and the child goes on without the
        // lock.
        // A program that becomes a daemon closes all descriptors, and the lock with them.
        let leads = |kept: &Kept| kept.with(|fd| leads_to(self.directory, FOLD_LOCK, fd));
        match self.kept.as_ref().and_then(leads) {
            Some(leads) if self.epoch == epoch() => {
                // Whoever comes now makes another file, locks that, and folds.
                if leads { Ok(()) } else { Err(Error::new(ErrorKind::LockLost)) }
            }
            _ => Err(Error::io("continue a compaction after a fork", Errno::INTR)),
        }
    }
}

impl Drop for FoldLock<'_> {
    fn drop(&mut self) {
        // In a child the fork handler has closed the descriptor.
        if let (true, Some(kept)) = (self.epoch == epoch(), self.kept.take()) {
            // Before it is closed: a child that was made without fork handlers has the description too.
            let _ = kept.with(|fd| fault::call!("fold.unlock", lock::release(fd)));
            fault::step!("fold.close", kept.close());
        }
    }
}
