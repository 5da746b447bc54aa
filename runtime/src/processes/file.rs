//! The ledger's file: replaced as a whole by who holds the lock, read by anyone.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::ledger::{Ledger, MAX_LEN};
use crate::directory::Directory;
use crate::error::Error;
use crate::segment::lock;

pub(super) const NAME: &str = "processes.hcl";
const LOCK: &str = ".ledger.lock";
/// The next ledger. One name, since only the lock's holder writes it: who is killed leaves one file behind, which the next holder removes.
const NEXT: &str = ".ledger.tmp";
/// Where one goes that is damaged.
const BAD: &str = "processes.hcl.bad";

/// The right to replace the ledger, for as long as this lives.
pub(super) struct Held(OwnedFd);

/// Whose turn it is to replace the ledger.
pub(super) enum Turn {
    Mine(Held),
    /// Another collector's, at this moment.
    Anothers,
    /// Never this process's: it may not write here, or nobody can lock anything.
    Refused,
}

/// Asks for the turn, and never waits for it.
pub(super) fn take_turn(directory: &Directory) -> Turn {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mode = Mode::RUSR | Mode::WUSR;
    let Ok(fd) = openat(directory, LOCK, flags | OFlags::CLOEXEC, mode) else {
        return Turn::Refused;
    };
    let is_file = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !fstat(&fd).is_ok_and(is_file) {
        return Turn::Refused;
    }
    let held = [Errno::AGAIN, Errno::ACCESS].map(Errno::raw_os_error);
    match lock::take(&fd) {
        Ok(()) => Turn::Mine(Held(fd)),
        Err(e) if e.raw_os_error().is_some_and(|e| held.contains(&e)) => Turn::Anothers,
        Err(_) => Turn::Refused,
    }
}

impl Drop for Held {
    /// Not only by closing: a child that was forked meanwhile has the descriptor too, and would hold the lock as long as it lives.
    fn drop(&mut self) {
        lock::release(&self.0);
    }
}

/// The ledger as it was replaced last. `Ok(None)`: there is none.
pub(super) fn read(directory: &Directory) -> Result<Option<Ledger>, Error> {
    let at = |e: Error| e.at(&directory.path().join(NAME));
    let Some(fd) = directory.open_segment(NAME).map_err(at)? else { return Ok(None) };
    let mut bytes = Vec::new();
    // One more than fits, so that what is too long is seen to be.
    let limit = MAX_LEN as u64 + 1;
    io::Read::read_to_end(&mut io::Read::take(std::fs::File::from(fd), limit), &mut bytes)
        .map_err(|e| at(Error::io("read it", e)))?;
    Ledger::decode(&bytes).map(Some).map_err(at)
}

/// Puts another in the place of the ledger: all of it, or nothing changes.
pub(super) fn replace(directory: &Directory, ledger: &Ledger, _: &Held) -> Result<(), Error> {
    let at = |e: Error| e.at(&directory.path().join(NAME));
    let written = write_next(directory, &ledger.encode())
        .and_then(|()| Ok(renameat(directory, NEXT, directory, NAME)?));
    if let Err(e) = written {
        let _ = unlinkat(directory, NEXT, AtFlags::empty());
        return Err(at(Error::io("write it", e)));
    }
    Ok(())
}

fn write_next(directory: &Directory, bytes: &[u8]) -> io::Result<()> {
    // Passing the limit is a signal that ends the program.
    if getrlimit(Resource::Fsize).current.is_some_and(|limit| limit < bytes.len() as u64) {
        return Err(Errno::FBIG.into());
    }
    // Removed and not cut: it may be another name of any file.
    match unlinkat(directory, NEXT, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => return Err(e.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    // For all who may read the directory: `/proc` tells them the same.
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let fd = openat(directory, NEXT, flags | OFlags::CLOEXEC, mode)?;
    // At its place, so that a child that a signal handler forks here writes the same once more, and not behind it. Without a sync: if the
    // machine goes down, the numbers start anew as the segments' do.
    std::os::unix::fs::FileExt::write_all_at(&std::fs::File::from(fd), bytes, 0)
}

/// Puts a damaged ledger aside, for people to look at.
pub(super) fn set_aside(directory: &Directory, _: &Held) -> Result<(), Error> {
    renameat(directory, NAME, directory, BAD)
        .map_err(|e| Error::io("put it aside", e).at(&directory.path().join(NAME)))
}
