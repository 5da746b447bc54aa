//! The ledger's file: replaced as a whole by who holds the lock, read by anyone.

use core::sync::atomic::{AtomicU64, Ordering};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, Stat, fcntl_lock, fstat, openat, renameat,
    unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::ledger::{Ledger, MAX_LEN};
use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::process::Forks;
use crate::replace::{Original, leads_to};

pub(super) const NAME: &str = "processes.hcl";
const LOCK: &str = ".ledger.lock";
/// The next ledger. One name, since only the lock's holder writes it: who is killed leaves one file behind, which the next holder removes.
const NEXT: &str = ".ledger.tmp";
/// Where one goes that is damaged.
const BAD: &str = "processes.hcl.bad"; // as `directory::SET_ASIDE` has it

/// The directories whose ledgers threads of this process replace, by the process's number and theirs. What a child finds of its parent's is
/// nobody's. No mutex: a child could find it locked for ever.
static CLAIMS: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];

/// The right to replace the ledger, for as long as this lives.
pub(super) struct Held<'a> {
    directory: &'a Directory,
    /// The ledger as it was when the turn began.
    original: Original<'a>,
    /// Closed first, which drops the lock: it would drop that of another thread's descriptor too, if there could be one.
    file: OwnedFd,
    claim: Claim,
    forks: Forks,
}

/// Whose turn it is to replace the ledger.
pub(super) enum Turn<'a> {
    Mine(Held<'a>),
    /// Another collector's, at this moment.
    Anothers,
    /// Never this process's: it may not write here, or nobody can lock anything.
    Refused,
}

/// Asks for the turn, and never waits for it.
///
/// The lock is a record lock, which belongs to the process. One like a segment's would be inherited by a child that another thread forks
/// meanwhile, and keep everyone out for as long as that lives if this process is killed.
pub(super) fn take_turn(directory: &Directory, forks: Forks) -> Turn<'_> {
    let Some(claim) = Claim::take(directory) else { return Turn::Anothers };
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mode = Mode::RUSR | Mode::WUSR;
    let Ok(lock) = openat(directory, LOCK, flags | OFlags::CLOEXEC, mode) else {
        return Turn::Refused;
    };
    let is_file = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !fstat(&lock).is_ok_and(is_file) {
        return Turn::Refused;
    }
    let take = || fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive);
    match fault::call!("ledger.lock", take()) {
        Ok(()) => {}
        Err(Errno::AGAIN | Errno::ACCESS) => return Turn::Anothers,
        Err(_) => return Turn::Refused,
    }
    match Original::hold(directory, NAME, forks) {
        Ok(Some(original)) => {
            let held = Held { directory, original, file: lock, claim, forks };
            // The lock's file may have been removed before it was locked.
            if held.check().is_ok() { Turn::Mine(held) } else { Turn::Anothers }
        }
        Ok(None) => Turn::Anothers,
        // What is wrong with it says who reads it.
        Err(_) => Turn::Refused,
    }
}

impl Held<'_> {
    /// To be asked before anything is replaced: whether this still is the process that took the
    /// turn, and others would wait for it.
    fn check(&self) -> Result<(), Error> {
        if !self.claim.is_mine() {
            return Err(Error::io("go on after a fork", Errno::INTR));
        }
        let leads = leads_to(self.directory, LOCK, &self.file);
        if leads { self.original.check() } else { Err(Error::new(ErrorKind::LockLost)) }
    }
}

/// Of the threads of this process, this one: the file's lock doesn't tell them apart.
struct Claim {
    place: &'static AtomicU64,
    pid: u32,
}

impl Claim {
    fn take(directory: &Directory) -> Option<Self> {
        let pid = std::process::id();
        let stat = fstat(directory).ok()?;
        // Two directories that come to the same number take turns, which is no harm.
        let claimed = (u64::from(pid) << 32) | ((stat.st_ino ^ stat.st_dev) & 0xffff_ffff);
        let place = CLAIMS.iter().find(|place| {
            let seen = place.load(Ordering::Relaxed);
            let order = (Ordering::SeqCst, Ordering::Relaxed);
            seen >> 32 != u64::from(pid)
                && place.compare_exchange(seen, claimed, order.0, order.1).is_ok()
        })?;
        let claim = Self { place, pid };
        // Of two threads that come at once, one at least sees the other here; or both do, and go.
        let same = CLAIMS.iter().filter(|place| place.load(Ordering::SeqCst) == claimed);
        (same.count() == 1).then_some(claim)
    }

    /// Whether this still is the process that took it: a signal handler can fork at any moment, and the child goes on without the lock.
    fn is_mine(&self) -> bool {
        self.pid == std::process::id()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_mine() {
            self.place.store(0, Ordering::Release);
        }
    }
}

/// The ledger as it was replaced last. `Ok(None)`: there is none.
pub(super) fn read(directory: &Directory) -> Result<Option<Ledger>, Error> {
    let at = |e: Error| e.at(&directory.path().join(NAME));
    let Some(fd) = directory.open_file(NAME).map_err(at)? else { return Ok(None) };
    let mut bytes = Vec::new();
    // One more than fits, so that what is too long is seen to be.
    let limit = MAX_LEN as u64 + 1;
    io::Read::read_to_end(&mut io::Read::take(std::fs::File::from(fd), limit), &mut bytes)
        .map_err(|e| at(Error::io("read the file", e)))?;
    Ledger::decode(&bytes).map(Some).map_err(at)
}

/// Puts another in the place of the ledger: all of it, or nothing changes.
pub(super) fn replace(ledger: &Ledger, held: &Held<'_>) -> Result<(), Error> {
    let directory = held.directory;
    let at = |e: Error| e.at(&directory.path().join(NAME));
    held.check()?;
    let written = write_next(directory, &ledger.encode()).map_err(|e| Error::io("write it", e));
    let replaced = written.and_then(|()| {
        held.check()?;
        let rename = || held.original.replace_by(NEXT);
        fault::call!("ledger.rename", rename()).map_err(|e| match e {
            // Another collector has made the first ledger meanwhile, or this one's new one its own.
            Errno::EXIST | Errno::NOENT => Error::new(ErrorKind::LockLost),
            e => Error::io("write it", e),
        })
    });
    if let Err(e) = replaced {
        fault::step!("ledger.remove", {
            let _ = unlinkat(directory, NEXT, AtFlags::empty());
        });
        return Err(at(e));
    }
    Ok(())
}

fn write_next(directory: &Directory, bytes: &[u8]) -> io::Result<()> {
    // Passing the limit is a signal that ends the program.
    if getrlimit(Resource::Fsize).current.is_some_and(|limit| limit < bytes.len() as u64) {
        return Err(Errno::FBIG.into());
    }
    // Removed and not cut: it may be another name of any file.
    match fault::call!("ledger.tidy", unlinkat(directory, NEXT, AtFlags::empty())) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => return Err(e.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    // For all who may read the directory: `/proc` tells them the same.
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let open = || openat(directory, NEXT, flags | OFlags::CLOEXEC, mode);
    let fd = fault::call!("ledger.create", open())?;
    // At its place, so that a child that a signal handler forks here writes the same once more, and not behind it. Without a sync: if the
    // machine goes down, the numbers start anew as the segments' do.
    let file = std::fs::File::from(fd);
    fault::call!("ledger.write", std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0))
}

/// Puts a damaged ledger aside, for people to look at. The turn goes on, without a ledger.
pub(super) fn set_aside(held: &mut Held<'_>) -> Result<(), Error> {
    let directory = held.directory;
    let at = |e: Error| e.at(&directory.path().join(NAME));
    held.check()?;
    fault::call!("ledger.set_aside", renameat(directory, NAME, directory, BAD))
        .map_err(|e| at(Error::io("put it aside", e)))?;
    let original = Original::hold(directory, NAME, held.forks).map_err(at)?;
    held.original = original.ok_or_else(|| at(Error::new(ErrorKind::LockLost)))?;
    Ok(())
}
