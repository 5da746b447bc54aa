//! The lock on a segment's file. While it is held, some process can still write the file.
#![expect(unsafe_code, reason = "open-file-description locks are not in rustix")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Who may have a lock at the same time.
#[cfg(feature = "serve")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holders {
    /// Everyone who takes it like this.
    Many,
    One,
}

#[cfg(feature = "serve")]
impl Holders {
    fn kind(self) -> libc::c_int {
        match self {
            Self::Many => libc::F_RDLCK,
            Self::One => libc::F_WRLCK,
        }
    }
}

/// Byte 0. `l_pid` must be 0 for the OFD commands.
fn whole_lock(kind: libc::c_int) -> libc::flock {
    // `l_type` and `l_whence` are shorts on Linux, where the constants are ints.
    #[expect(clippy::cast_possible_truncation, reason = "kinds and SEEK_SET are below 3")]
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    }
}

/// Takes the lock without waiting. It belongs to the open file description: every duplicate of the
/// descriptor and every mapping made through it holds the lock, and the kernel releases it with the
/// last of them.
pub(crate) fn take(file: impl AsFd) -> io::Result<()> {
    set(file, libc::F_WRLCK)
}

/// Takes the lock as [`take`] does, perhaps with others.
#[cfg(feature = "serve")]
pub(crate) fn take_as(file: impl AsFd, holders: Holders) -> io::Result<()> {
    set(file, holders.kind())
}

/// Takes the lock, and waits for whoever has it.
#[cfg(feature = "serve")]
pub(crate) fn wait_as(file: impl AsFd, holders: Holders) -> io::Result<()> {
    call(file, holders.kind(), libc::F_OFD_SETLKW)
}

/// Releases the lock, even if other processes have the same description: a child that was forked
/// meanwhile must not keep it.
pub(crate) fn release(file: impl AsFd) -> io::Result<()> {
    set(file, libc::F_UNLCK)
}

fn set(file: impl AsFd, kind: libc::c_int) -> io::Result<()> {
    call(file, kind, libc::F_OFD_SETLK)
}

/// `command` is `F_OFD_SETLK` or `F_OFD_SETLKW`.
fn call(file: impl AsFd, kind: libc::c_int, command: libc::c_int) -> io::Result<()> {
    let lock = whole_lock(kind);
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: both commands read one `struct flock` through the pointer, which is a live local of
    // that type.
    match unsafe { libc::fcntl(fd, command, &raw const lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether any process holds the lock. It takes no lock, works with a descriptor that is open for
/// reading only, and sees holders in other pid namespaces.
pub(crate) fn is_held(file: impl AsFd) -> io::Result<bool> {
    let mut lock = whole_lock(libc::F_WRLCK);
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: `F_OFD_GETLK` reads and writes one `struct flock` through the pointer, which is a
    // live local of that type, borrowed by nobody else.
    match unsafe { libc::fcntl(fd, libc::F_OFD_GETLK, &raw mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(i32::from(lock.l_type) != libc::F_UNLCK),
    }
}
