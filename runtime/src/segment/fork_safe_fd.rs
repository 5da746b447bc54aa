//! Descriptors that a forked child must not keep, registered where a fork handler can close them:
//! of the locks that compactors take, and of a server's lock, listeners and connections.
//!
//! A child that is forked while its parent compacts inherits the descriptors, and the locks with
//! them. If it kept them, nothing could be compacted for as long as it lives, and the port of a
//! killed server would stay in use.
#![expect(unsafe_code, reason = "descriptors by their numbers")]

use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use crate::kernel;
#[cfg(feature = "serve")]
use crate::kernel::fd::AsRawFd;
use crate::kernel::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use crate::kernel::fs::fstat;

/// A descriptor with the identity of its file, because the number may refer to another file by now.
struct Slot {
    fd: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

const NOBODYS: i32 = -1;
const RESERVED: i32 = -2;

/// Two for each compacting thread, and enough for more threads, each compacting a different
/// directory at the same time, than any program has; and those of a server with 64 connections.
static SLOTS: [Slot; 128] = [const {
    Slot { fd: AtomicI32::new(NOBODYS), device: AtomicU64::new(0), inode: AtomicU64::new(0) }
}; 128];

/// A descriptor that is registered here.
#[derive(Debug)]
pub(crate) struct Registered(usize);

/// Registers it; `None` if there are too many.
pub(crate) fn register(fd: OwnedFd) -> kernel::io::Result<Option<Registered>> {
    let stat = fstat(&fd)?;
    let free = |slot: &Slot| {
        let order = (Ordering::Acquire, Ordering::Relaxed);
        slot.fd.compare_exchange(NOBODYS, RESERVED, order.0, order.1).is_ok()
    };
    let Some(at) = SLOTS.iter().position(free) else { return Ok(None) };
    if let Some(slot) = SLOTS.get(at) {
        slot.device.store(stat.st_dev, Ordering::Relaxed);
        slot.inode.store(stat.st_ino, Ordering::Relaxed);
        slot.fd.store(fd.into_raw_fd(), Ordering::Release);
    }
    Ok(Some(Registered(at)))
}

impl Registered {
    /// Calls `what` with the descriptor, if its number still refers to its file.
    pub(crate) fn with<T>(&self, what: impl FnOnce(BorrowedFd<'_>) -> T) -> Option<T> {
        SLOTS.get(self.0)?.with(what)
    }

    /// The descriptor, if its number still refers to its file.
    #[cfg(feature = "serve")]
    pub(crate) fn borrowed(&self) -> Option<BorrowedFd<'_>> {
        let number = self.with(|fd| fd.as_raw_fd())?;
        // SAFETY: the number refers to this descriptor's file, as `with` has seen just now, and
        // this process closes it in `close` only, which takes `self`.
        Some(unsafe { BorrowedFd::borrow_raw(number) })
    }

    /// Closes it.
    pub(crate) fn close(self) {
        if let Some(slot) = SLOTS.get(self.0) {
            slot.close();
        }
    }
}

impl Slot {
    fn with<T>(&self, what: impl FnOnce(BorrowedFd<'_>) -> T) -> Option<T> {
        let fd = self.fd.load(Ordering::Acquire);
        if fd < 0 {
            return None;
        }
        // SAFETY: not -1, and used only once the next lines have found out that it is our file's.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let stat = fstat(fd).ok()?;
        let is_ours = stat.st_dev == self.device.load(Ordering::Relaxed)
            && stat.st_ino == self.inode.load(Ordering::Relaxed);
        is_ours.then(|| what(fd))
    }

    fn close(&self) {
        let is_ours = self.with(|_| ()).is_some();
        let number = self.fd.swap(NOBODYS, Ordering::Release);
        if is_ours && number >= 0 {
            // SAFETY: our file's, as was looked just now, and nobody finds the number any more.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
    }
}

/// For the fork handler, in the child; makes only system calls. Closing doesn't release the lock,
/// because the parent has the same file descriptions.
pub(crate) fn close_all() {
    SLOTS.iter().for_each(Slot::close);
}
