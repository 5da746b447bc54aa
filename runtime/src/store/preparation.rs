//! The work that a process does without the mutex before it makes its segment: it finds the
//! directory, and makes space in it. `Guard::made_live` does it.
//!
//! A process that finds no space compacts the segments of dead processes once, before it falls back
//! to private memory.
//!
//! That takes longer than anything else in recording, allocates, and opens files. So the mutex is
//! not held meanwhile. The first thread does the work; the others wait for it, as they wait for the
//! mutex in any first use. A nested operation in that thread, by an allocator or a signal handler
//! that records, must not wait for itself: what it records is counted as dropped.
//!
//! A fork doesn't wait either. The child has no such thread, and starts over.

use core::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::kernel::thread::futex;
use crate::process::epoch;

use super::guard::Guard;
use super::mutex::me;
use super::search::Search;

/// Work that must be done without the mutex before this process makes its segment, or assigns cells
/// to its declarations.
#[derive(Debug)]
pub(super) enum Wanted {
    Directory(Search),
    Space,
}

/// The work that is to be done, and whether space was made.
#[derive(Debug)]
pub(super) struct Preparation {
    wanted: Option<Wanted>,
    /// The last epoch in which space was made. That is done once.
    made_space_in: Option<u32>,
}

impl Preparation {
    pub(super) const fn new() -> Self {
        Self { wanted: None, made_space_in: None }
    }

    pub(super) fn want(&mut self, wanted: Wanted) {
        self.wanted = Some(wanted);
    }

    /// The work that is to be done now, by this thread.
    pub(super) fn take(&mut self) -> Option<Wanted> {
        let wanted = self.wanted.take();
        if let Some(Wanted::Space) = wanted {
            // Noted before it is tried: the next thread that gets the mutex uses the space that
            // there is.
            self.made_space_in = Some(epoch());
        }
        wanted
    }

    /// Whether this process may still compact its directory to make space.
    pub(super) fn may_make_space(&self) -> bool {
        cfg!(feature = "compact-when-full") && self.made_space_in != Some(epoch())
    }
}

/// The token of the thread that prepares; 0 if there is none. Set under the mutex only.
static PREPARER: AtomicU32 = AtomicU32::new(0);

const EVERYBODY: u32 = u32::MAX >> 1;

/// The thread that prepares a segment.
pub(super) enum Preparer {
    Nobody,
    ThisThread,
    Another(u32),
}

pub(super) fn preparer() -> Preparer {
    match PREPARER.load(Ordering::Acquire) {
        0 => Preparer::Nobody,
        thread if thread == me() => Preparer::ThisThread,
        thread => Preparer::Another(thread),
    }
}

/// This thread prepares a segment until the value is dropped.
pub(super) struct Preparing;

/// Called under the mutex, so that there is only one.
pub(super) fn announce(_store: &Guard) -> Preparing {
    PREPARER.store(me(), Ordering::Relaxed);
    Preparing
}

impl Drop for Preparing {
    fn drop(&mut self) {
        // In a child that a signal handler forked meanwhile, another thread may be preparing by
        // now.
        let _ = PREPARER.compare_exchange(me(), 0, Ordering::Release, Ordering::Relaxed);
        let _ = futex::wake(&PREPARER, futex::Flags::PRIVATE, EVERYBODY);
    }
}

/// For the fork handler, in the child.
pub(super) fn forget() {
    PREPARER.store(0, Ordering::Relaxed);
}

/// Waits until this thread has prepared the segment, but not for long.
pub(super) fn wait_for(thread: u32) {
    // The time limit is a precaution, as in the mutex: looking again does no harm.
    let limit = Duration::from_millis(50).try_into().ok();
    let _ = futex::wait(&PREPARER, futex::Flags::PRIVATE, thread, limit.as_ref());
}

/// Compacts the segments of dead processes in this process's directory, as far as that is quick and
/// this process has the permission. If another process is already compacting, waits for it for a
/// moment.
pub(super) fn make_space() {
    #[cfg(feature = "compact-when-full")]
    {
        use super::guard::FORKS;
        use super::search::open_directory;
        // An error here is not reported: if there still is no space, the next step reports that.
        let _ = crate::archive::make_space(open_directory, FORKS);
    }
}
