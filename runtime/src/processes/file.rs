//! The ledger's file. The holder of the lock replaces it as a whole; every process may read it.

use core::sync::atomic::{AtomicU64, Ordering};
use std::io;

use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::kernel;
use crate::kernel::fd::OwnedFd;
use crate::kernel::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, Stat, fcntl_lock, fstat, openat, renameat,
    unlinkat,
};
use crate::kernel::io::Errno;
use crate::kernel::process::{Resource, getrlimit};
use crate::process::Forks;
use crate::replace::{Original, leads_to};

use super::ledger::{Ledger, MAX_LEN};

pub(super) const NAME: &str = "processes.hcl";
const LOCK: &str = ".ledger.lock";
/// The next ledger. One name suffices, since only the holder of the lock writes it. If that process
/// is killed, one file is left, and the next holder removes it.
const NEXT: &str = ".ledger.tmp";
/// The name under which a damaged ledger is set aside.
const BAD: &str = "processes.hcl.bad"; // ends in `directory::SET_ASIDE`

/// The ledgers that threads of this process are replacing: the pid and a number of the directory. A
/// child ignores the claims of its parent. It is not a mutex, because a child could find that
/// locked for ever.
static CLAIMS: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];

/// The right to replace the ledger, for as long as this value exists.
pub(super) struct Held<'a> {
    directory: &'a Directory,
    /// The ledger as it was at the beginning of the turn.
    original: Original<'a>,
    /// Closed before the claim is released. Closing it releases the process's lock on the file,
    /// even if another thread had taken that through its own descriptor; the claim prevents this.
    file: OwnedFd,
    claim: Claim,
    forks: Forks,
}

/// Which process may replace the ledger.
pub(super) enum Turn<'a> {
    Mine(Held<'a>),
    /// Another collector may at this moment.
    Anothers,
    /// This process never may: it has no write permission, or locks are not supported.
    Refused,
}

/// Asks for the turn, and never waits for it.
///
/// The lock is a record lock, which belongs to the process. A lock of the kind that segments have
/// would be inherited by a child that another thread forks meanwhile. If this process was then
/// killed, the lock would stay taken for as long as the child lives.
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
        // Reading the ledger reports what is wrong with it.
        Err(_) => Turn::Refused,
    }
}

impl Held<'_> {
    /// Checks that this still is the process that took the turn, and that other processes would
    /// find the lock taken. Must be called before anything is replaced.
    fn check(&self) -> Result<(), Error> {
        if !self.claim.is_mine() {
            return Err(Error::io("go on after a fork", Errno::INTR));
        }
        let leads = leads_to(self.directory, LOCK, &self.file);
        if leads { self.original.check() } else { Err(Error::new(ErrorKind::LockLost)) }
    }
}

/// The right of one thread of this process. The file's lock does not distinguish threads.
struct Claim {
    place: &'static AtomicU64,
    pid: u32,
}

impl Claim {
    fn take(directory: &Directory) -> Option<Self> {
        let pid = std::process::id();
        let stat = fstat(directory).ok()?;
        // Two directories with the same number take turns, which does no harm.
        let claimed = (u64::from(pid) << 32) | ((stat.st_ino ^ stat.st_dev) & 0xffff_ffff);
        let place = CLAIMS.iter().find(|place| {
            let seen = place.load(Ordering::Relaxed);
            let order = (Ordering::SeqCst, Ordering::Relaxed);
            seen >> 32 != u64::from(pid)
                && place.compare_exchange(seen, claimed, order.0, order.1).is_ok()
        })?;
        let claim = Self { place, pid };
        // Of two threads that come at once, at least one sees the other here. If both do, both give
        // up.
        let same = CLAIMS.iter().filter(|place| place.load(Ordering::SeqCst) == claimed);
        (same.count() == 1).then_some(claim)
    }

    /// Whether this still is the process that took it: a signal handler can fork at any moment, and
    /// the child continues without the lock.
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

/// Reads the ledger as it was replaced last; `None` if there is none.
pub(super) fn read(directory: &Directory) -> Result<Option<Ledger>, Error> {
    let at = |e: Error| e.at(&directory.path().join(NAME));
    let Some(fd) = directory.open_file(NAME).map_err(at)? else { return Ok(None) };
    let mut bytes = Vec::new();
    // One byte more than fits, to detect a file that is too long.
    let limit = MAX_LEN as u64 + 1;
    io::Read::read_to_end(&mut io::Read::take(std::fs::File::from(fd), limit), &mut bytes)
        .map_err(|e| at(Error::io("read the file", e)))?;
    Ledger::decode(&bytes).map(Some).map_err(at)
}

/// Replaces the ledger as a whole, or changes nothing.
pub(super) fn replace(ledger: &Ledger, held: &Held<'_>) -> Result<(), Error> {
    let directory = held.directory;
    let at = |e: Error| e.at(&directory.path().join(NAME));
    held.check()?;
    let written = write_next(directory, &ledger.encode()).map_err(|e| Error::io("write it", e));
    let replaced = written.and_then(|()| {
        held.check()?;
        let rename = || held.original.replace_by(NEXT);
        fault::call!("ledger.rename", rename()).map_err(|e| match e {
            // Another collector has created the first ledger meanwhile, or has taken this one's new
            // file away.
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
    // Writing beyond the limit raises a signal that ends the program.
    if getrlimit(Resource::Fsize).current.is_some_and(|limit| limit < bytes.len() as u64) {
        return Err(Errno::FBIG.into());
    }
    // Removed and not truncated: it may be a hard link to any file.
    match fault::call!("ledger.tidy", unlinkat(directory, NEXT, AtFlags::empty())) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => return Err(e.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    // Readable by all who may read the directory: `/proc` shows them the same.
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let open = || openat(directory, NEXT, flags | OFlags::CLOEXEC, mode);
    let fd = fault::call!("ledger.create", open())?;
    // Written at a fixed offset: a child that a signal handler forks here writes the same bytes
    // again, and does not append them. Not synced: after a crash of the machine the numbers start
    // again, as those of the segments do.
    fault::call!("ledger.write", kernel::write_all_at(fd, bytes, 0))
}

/// Sets a damaged ledger aside, so that a person can look at it. The turn continues without a
/// ledger.
pub(super) fn set_aside(held: &mut Held<'_>) -> Result<(), Error> {
    let directory = held.directory;
    let at = |e: Error| e.at(&directory.path().join(NAME));
    held.check()?;
    fault::call!("ledger.set_aside", renameat(directory, NAME, directory, BAD))
        .map_err(|e| at(Error::io("set it aside", e)))?;
    let original = Original::hold(directory, NAME, held.forks).map_err(at)?;
    held.original = original.ok_or_else(|| at(Error::new(ErrorKind::LockLost)))?;
    Ok(())
}
