//! The lock that folders take: one at a time in a directory, and one at a time in a process.

use core::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{OFlags, fchmod, openat};
use rustix::io::Errno;

use crate::directory::{Directory, FOLD_LOCK};
use crate::error::Error;
use crate::segment::{fold_fd, lock};
use crate::store;

/// The epoch in which some thread of this process folds, and one more; 0 is nobody. A child begins with nobody's.
static FOLDING: AtomicU32 = AtomicU32::new(0);

/// The lock, held.
pub(super) struct FoldLock {
    epoch: u32,
}

impl FoldLock {
    /// Takes it without waiting; `None` if someone else has it.
    pub(super) fn take(directory: &Directory) -> Result<Option<Self>, Error> {
        // `None`: called from inside an operation of this very thread; not the time to fold.
        let Some(held) = store::without_forks(|| Self::open(directory)).transpose()?.flatten()
        else {
            return Ok(None);
        };
        match fold_fd::with(|fd| lock::take(fd)) {
            Some(Ok(())) => Ok(Some(held)),
            Some(Err(e)) if !matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
                Err(Error::io("lock the directory for folding", e))
            }
            _ => Ok(None),
        }
    }

    fn open(directory: &Directory) -> Result<Option<Self>, Error> {
        let epoch = store::epoch();
        let seen = FOLDING.load(Ordering::Relaxed);
        let mine = epoch.wrapping_add(1);
        if seen == mine
            || FOLDING.compare_exchange(seen, mine, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return Ok(None);
        }
        // From here on dropping it gives back what was got.
        let held = Self { epoch };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let failed = |e| Error::io("open the lock for folding", e);
        let fd = openat(directory, FOLD_LOCK, flags, directory.lock_mode()).map_err(failed)?;
        // Whatever the umask left of it. Whoever didn't make it may not, and needn't.
        let _ = fchmod(&fd, directory.lock_mode());
        directory.give_to_owner(&fd)?;
        fold_fd::keep(fd).map_err(failed)?;
        Ok(Some(held))
    }

    /// Whether this still is the process that took it: a signal handler can fork in the middle of folding, and the child goes on without
    /// the lock.
    pub(super) fn check(&self) -> Result<(), Error> {
        let forked = || Error::io("go on folding after a fork", Errno::INTR);
        if self.epoch == store::epoch() { Ok(()) } else { Err(forked()) }
    }
}

impl Drop for FoldLock {
    fn drop(&mut self) {
        // In a child the fork handler has closed the descriptor.
        if self.check().is_ok() {
            // Before it is closed: a child that was made without fork handlers has the description too.
            let _ = fold_fd::with(|fd| lock::release(fd));
            fold_fd::close();
            FOLDING.store(0, Ordering::Release);
        }
    }
}
