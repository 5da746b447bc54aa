//! The locks by which candidates take turns: whoever has all locks of its addresses serves.
//!
//! They are locks of open file descriptions. The kernel releases them when the process dies, and
//! wakes the next one that waits.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{FileType, OFlags, fchmod, fstat, openat};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::kernel::lock::{self, Holders};
use crate::process::epoch;
use crate::segment::fork_safe_fd::Registered;

use super::address::{Address, Listener, bind_all};
use super::registered::register;
use super::serving::Shared;

/// The locks of all addresses, each once: a second description of one file would wait for the
/// first. They are in the order of their names, in which every candidate takes them, so that none
/// waits for one that waits for it.
pub(super) struct Turns(Vec<Turn>);

impl Turns {
    /// Opens or creates the files. `None` if this process may not write to the directory.
    pub(super) fn open(
        directory: &Directory,
        addresses: &[Address],
    ) -> Result<Option<Self>, Error> {
        if !directory.is_writable() {
            return Ok(None);
        }
        let mut wanted = BTreeMap::new();
        for (name, holders) in addresses.iter().flat_map(Address::locks) {
            let known = wanted.entry(name).or_insert(holders);
            *known = holders.max(*known);
        }
        let turns = wanted.iter().map(|(name, holders)| Turn::open(directory, name, *holders));
        turns.collect::<Result<_, _>>().map(|turns| Some(Self(turns)))
    }

    /// Takes the locks without waiting. `false`: another process has one, and only those before it
    /// are taken.
    pub(super) fn take(&self) -> Result<bool, Error> {
        self.0.iter().try_fold(true, |all, turn| Ok(all && turn.take()?))
    }

    /// Takes the locks, and waits for each.
    fn wait(&self) {
        for turn in &self.0 {
            turn.wait();
        }
    }
}

/// A lock's file, opened.
struct Turn {
    epoch: u32,
    fd: Option<Registered>,
    holders: Holders,
}

impl Turn {
    /// Opens or creates the file.
    fn open(directory: &Directory, name: &str, holders: Holders) -> Result<Self, Error> {
        let path = directory.path().join(name);
        let what = "open the lock for serving";
        let fd = register(what, || open(directory, name)).map_err(|e| e.at(&path))?;
        let stat = fd.with(|fd| fstat(fd)).unwrap_or(Err(Errno::BADF));
        let stat = stat.map_err(|e| Error::io(what, e).at(&path))?;
        // From here on, dropping it closes the descriptor.
        let turn = Self { epoch: epoch(), fd: Some(fd), holders };
        // A stranger who created it in a directory like `/tmp` could hold it for ever.
        directory.check_owner(&stat).map_err(|e| e.at(&path))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink > 1 {
            let reason = "the lock for serving is not a regular file with one name";
            return Err(Error::new(ErrorKind::Foreign { reason }).at(&path));
        }
        Ok(turn)
    }

    /// Takes the lock without waiting. `false`: another process has it.
    fn take(&self) -> Result<bool, Error> {
        let taken = self.fd.as_ref().and_then(|fd| fd.with(|fd| lock::take_as(fd, self.holders)));
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
    fn wait(&self) {
        let wait = || self.fd.as_ref().and_then(|fd| fd.with(|fd| lock::wait_as(fd, self.holders)));
        while let Some(Err(e)) = wait() {
            if e.raw_os_error() != Some(libc::EINTR) {
                // The kernel has no memory for the lock: rare, and passing.
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Waits until this process is the one that serves. `None`: the server was stopped meanwhile.
///
/// It logs what it waits for: at the level `info` what candidates are for, else `warn`.
pub(super) fn wait_for_turn(
    shared: &Shared,
    addresses: &[Address],
    turns: Option<&Turns>,
) -> Option<Vec<Listener>> {
    if let Some(turns) = turns {
        if !matches!(turns.take(), Ok(true)) {
            let places: Vec<&str> = addresses.iter().map(Address::text).collect();
            let places = places.join(", ");
            log::info!(
                "headcount: another process of this directory has its turn to serve at {places}; \
                 waiting for its end"
            );
            turns.wait();
        }
    }
    let mut pause = Duration::from_millis(5);
    let mut is_told = false;
    while !shared.stops() {
        match bind_all(addresses) {
            Ok(listeners) => return Some(listeners),
            Err(refused) => {
                // With the locks, a predecessor's sockets may still be there for a moment.
                if !is_told && (turns.is_none() || pause >= LONGEST_PAUSE) {
                    refused.tell(turns.is_some());
                    is_told = true;
                }
                std::thread::sleep(pause);
            }
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    None
}

/// The time between two attempts to bind.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
