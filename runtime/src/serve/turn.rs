//! The lock by which candidates take turns: whoever has it serves.
//!
//! It is a lock of an open file description. The kernel releases it when the process dies, and
//! wakes the next one that waits.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{FileType, OFlags, fchmod, fstat, openat};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::kernel::lock;
use crate::process::epoch;
use crate::segment::fork_safe_fd::Registered;

use super::address::{Address, Listener};
use super::registered::register;
use super::serving::Shared;

/// The lock's file, opened.
pub(super) struct Turn {
    epoch: u32,
    fd: Option<Registered>,
}

impl Turn {
    /// Opens or creates the file. `None` if this process may not write to the directory.
    pub(super) fn open(directory: &Directory, name: &str) -> Result<Option<Self>, Error> {
        if !directory.is_writable() {
            return Ok(None);
        }
        let path = directory.path().join(name);
        let what = "open the lock for serving";
        let fd = register(what, || open(directory, name)).map_err(|e| e.at(&path))?;
        let stat = fd.with(|fd| fstat(fd)).unwrap_or(Err(Errno::BADF));
        let stat = stat.map_err(|e| Error::io(what, e).at(&path))?;
        // From here on, dropping it closes the descriptor.
        let turn = Self { epoch: epoch(), fd: Some(fd) };
        // A stranger who created it in a directory like `/tmp` could hold it for ever.
        directory.check_owner(&stat).map_err(|e| e.at(&path))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink > 1 {
            let reason = "the lock for serving is not a regular file with one name";
            return Err(Error::new(ErrorKind::Foreign { reason }).at(&path));
        }
        Ok(Some(turn))
    }

    /// Takes the lock without waiting. `false`: another process has it.
    pub(super) fn take(&self) -> Result<bool, Error> {
        let taken = self.fd.as_ref().and_then(|fd| fd.with(|fd| lock::take(fd)));
        match taken {
            Some(Ok(())) => Ok(true),
            Some(Err(e)) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
                Ok(false)
            }
            Some(Err(e)) => Err(Error::io("lock the directory for serving", e)),
            None => Ok(false),
        }
    }

    /// Waits for the lock.
    pub(super) fn wait(&self) {
        while let Some(Err(e)) = self.fd.as_ref().and_then(|fd| fd.with(|fd| lock::wait(fd))) {
            if e.raw_os_error() != Some(libc::EINTR) {
                // The kernel found a deadlock, or has no memory for the lock: rare, and passing.
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Waits until this process is the one that serves. `None`: the server was stopped meanwhile.
pub(super) fn wait_for_turn(
    shared: &Shared,
    addresses: &[Address],
    turns: &[Option<Turn>],
) -> Option<Vec<Listener>> {
    // All candidates wait in the same order, so none waits for one that waits for it.
    for turn in turns.iter().flatten() {
        turn.wait();
    }
    let mut pause = Duration::from_millis(5);
    while !shared.stops() {
        let bind = |(address, turn): (&Address, &Option<Turn>)| address.bind(turn.is_some());
        match addresses.iter().zip(turns).map(bind).collect() {
            Ok(listeners) => return Some(listeners),
            // Another program has the address, or had it a moment ago.
            Err(_) => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_secs(1));
    }
    None
}

/// Opens the file while this process does not fork, so nothing here may wait.
fn open(directory: &Directory, name: &str) -> rustix::io::Result<OwnedFd> {
    let mode = directory.lock_mode();
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match openat(directory, name, flags, mode) {
        Err(Errno::NOENT) => {}
        opened => return opened,
    }
    match openat(directory, name, flags | OFlags::CREATE | OFlags::EXCL, mode) {
        Err(Errno::EXIST) => openat(directory, name, flags, mode),
        created => {
            let fd = created?;
            // The umask may have removed permissions.
            let _ = fchmod(&fd, mode);
            let _ = directory.give_to_owner(&fd);
            Ok(fd)
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // In a child, the fork handler has closed the descriptor.
        if let (true, Some(fd)) = (self.epoch == epoch(), self.fd.take()) {
            // Released before it is closed: a child that was created without fork handlers still
            // has the open file description.
            let _ = fd.with(|fd| lock::release(fd));
            fd.close();
        }
    }
}
