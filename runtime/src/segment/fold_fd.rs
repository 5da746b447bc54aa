//! The descriptor of the lock that folders take, as a fork handler can see it.
//!
//! A child that is forked while its parent folds inherits it, and with it the lock; it would stop all folding for as long as it lives.
#![expect(unsafe_code, reason = "a descriptor by its number")]

use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use rustix::fs::fstat;

/// What it is a descriptor of stands beside it: its number may mean something else by now.
static FD: AtomicI32 = AtomicI32::new(-1);
static DEVICE: AtomicU64 = AtomicU64::new(0);
static INODE: AtomicU64 = AtomicU64::new(0);

/// Keeps it. One at a time.
pub(crate) fn keep(fd: OwnedFd) -> rustix::io::Result<()> {
    let stat = fstat(&fd)?;
    DEVICE.store(stat.st_dev, Ordering::Relaxed);
    INODE.store(stat.st_ino, Ordering::Relaxed);
    debug_assert!(fd.as_raw_fd() >= 0);
    FD.store(fd.into_raw_fd(), Ordering::Relaxed);
    Ok(())
}

/// Does something with it, if its number still is its own.
pub(crate) fn with<T>(what: impl FnOnce(BorrowedFd<'_>) -> T) -> Option<T> {
    let fd = FD.load(Ordering::Relaxed);
    if fd < 0 {
        return None;
    }
    // SAFETY: not -1, and used only once the next line has found out that it is our file's.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let stat = fstat(fd).ok()?;
    let is_ours = stat.st_dev == DEVICE.load(Ordering::Relaxed)
        && stat.st_ino == INODE.load(Ordering::Relaxed);
    is_ours.then(|| what(fd))
}

/// Closes it. For the fork handler too: system calls, nothing else. Closing in a child doesn't unlock, since the parent has the
/// description as well.
pub(crate) fn close() {
    let number = with(|fd| fd.as_raw_fd());
    FD.store(-1, Ordering::Relaxed);
    if let Some(number) = number {
        // SAFETY: our file's, and nobody finds the number any more.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
}
