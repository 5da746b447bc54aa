//! The work that a process does without the mutex before it makes its segment: it finds the
//! directory, and makes space in it.
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

#[cfg(not(miri))]
use rustix::thread::futex;

use crate::fault;
use crate::process::epoch;

use super::fork::{FORKS, Guard};
use super::mutex::me;
use super::search::open_directory;
use super::state::Wanted;
#[cfg(miri)]
use crate::no_kernel::futex;

/// The token of the thread that makes space; 0 if there is none. Set under the mutex only.
static MAKER: AtomicU32 = AtomicU32::new(0);

const EVERYBODY: u32 = u32::MAX >> 1;

/// This thread makes space until the value is dropped.
struct Maker;

impl Maker {
    /// Called under the mutex, so that there is only one.
    fn announce(_store: &Guard) -> Self {
        MAKER.store(me(), Ordering::Relaxed);
        Self
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        // In a child that a signal handler forked meanwhile, another thread may be the maker by
        // now.
        let _ = MAKER.compare_exchange(me(), 0, Ordering::Release, Ordering::Relaxed);
        let _ = futex::wake(&MAKER, futex::Flags::PRIVATE, EVERYBODY);
    }
}

/// For the fork handler, in the child.
pub(super) fn forget() {
    MAKER.store(0, Ordering::Relaxed);
}

fn wait_for(maker: u32) {
    // The time limit is a precaution, as in the mutex: looking again does no harm.
    let limit = Duration::from_millis(50).try_into().ok();
    let _ = futex::wait(&MAKER, futex::Flags::PRIVATE, maker, limit.as_ref());
}

impl Guard {
    /// The store, once no thread makes space for it. `None` as for [`lock`](Self::lock), and if
    /// this very thread is making space.
    pub(super) fn settled() -> Option<Self> {
        loop {
            let store = Self::lock()?;
            match MAKER.load(Ordering::Acquire) {
                0 => return Some(store),
                maker if maker == me() => return None,
                maker => {
                    drop(store);
                    wait_for(maker);
                }
            }
        }
    }

    /// The store, with memory to record in if there is any; `None` as for
    /// [`settled`](Self::settled).
    pub(super) fn live() -> Option<Self> {
        Self::settled()?.made_live()
    }

    /// The same for a store that is already locked. It is unlocked for a while if the directory
    /// must be searched for, or space must be made.
    pub(super) fn made_live(mut self) -> Option<Self> {
        let mut outcome = None;
        loop {
            self.make_live(outcome.take());
            let Some(wanted) = self.wanted.take() else { return Some(self) };
            let maker = Maker::announce(&self);
            if let Wanted::Room = wanted {
                // Noted before it is tried: the next thread that gets the mutex uses the space that
                // there is.
                self.made_room_in = Some(epoch());
            }
            drop(self);
            match wanted {
                Wanted::Directory(search) => outcome = Some(search.for_writing()),
                Wanted::Room => fault::step!("room.make", make_room()),
            }
            drop(maker);
            // Checked again: in a child that a signal handler forked meanwhile no thread has tried.
            self = Self::settled()?;
        }
    }
}

/// Compacts the segments of dead processes in this process's directory, as far as that is quick and
/// this process has the permission. If another process is already compacting, waits for it for a
/// moment.
fn make_room() {
    // An error here is not reported: if there still is no space, the next step reports that.
    let _ = crate::archive::make_room(open_directory, FORKS);
}
