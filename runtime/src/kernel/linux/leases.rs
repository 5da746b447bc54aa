//! Whether any process can write to a file.
//!
//! A kernel gives a read lease on a file only if nobody has it open for writing, or mapped so, in
//! any process of any container. A process number says less: it is used again, and means another
//! process in another namespace.
#![expect(unsafe_code, reason = "leases, which rustix lacks")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;

/// `F_SETSIG` of Linux, which the crate `libc` lacks.
const SET_SIGNAL: i32 = 10;

/// Whether a process has the file open for writing at this moment. `None`: the filesystem has no
/// leases, or the file is another user's.
pub(crate) fn has_writers(file: impl AsFd) -> Option<bool> {
    match Unwritten::hold(file.as_fd()) {
        Ok(_) => Some(false),
        Err(Errno::AGAIN) => Some(true),
        Err(_) => None,
    }
}

/// As long as it exists, nobody has the file open for writing. Whoever opens it meanwhile waits, so
/// it must not exist for long.
#[derive(Debug)]
pub(crate) struct Unwritten<'a>(BorrowedFd<'a>);

impl<'a> Unwritten<'a> {
    /// `AGAIN`: somebody has it open for writing.
    pub(crate) fn hold(file: BorrowedFd<'a>) -> Result<Self, Errno> {
        // Somebody who opens the file for writing now waits until the lease is gone, and its holder
        // gets a signal. Not SIGIO, which ends a program: SIGURG, which nobody notices.
        control(file, SET_SIGNAL, libc::SIGURG)?;
        control(file, libc::F_SETLEASE, libc::F_RDLCK)?;
        Ok(Self(file))
    }
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        let _ = control(self.0, libc::F_SETLEASE, libc::F_UNLCK);
    }
}

fn control(file: BorrowedFd<'_>, what: i32, how: i32) -> Result<(), Errno> {
    // SAFETY: `fcntl` is given an open descriptor, which the borrow keeps open, and commands that
    // take an integer and no pointer.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), what, how) };
    if result < 0 { Err(last_error()) } else { Ok(()) }
}

fn last_error() -> Errno {
    let error = std::io::Error::last_os_error();
    error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
