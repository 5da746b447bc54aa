//! What a process does before it makes its segment and without the mutex: it looks for the
//! directory, and makes room.
//!
//! A process that finds no room has what the dead have left folded, once, before it makes do with private memory.
//!
//! That takes longer than anything else in recording, and allocates and opens files: so the mutex isn't held meanwhile. The thread that came
//! first does it, and the others wait for it, as they wait for the mutex in any first use. One that comes from inside it, by an
//! allocator or a signal handler that records, must not wait for itself: what it records is counted as dropped.
//!
//! A fork doesn't wait either. The child has nobody who makes room, and begins anew.

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

/// The thread that makes room, by its token; 0: none does. Set under the mutex only.
static MAKER: AtomicU32 = AtomicU32::new(0);

const EVERYBODY: u32 = u32::MAX >> 1;

/// This thread makes room until it is dropped.
struct Maker;

impl Maker {
    /// Under the mutex, so that there is one.
    fn announce(_store: &Guard) -> Self {
        MAKER.store(me(), Ordering::Relaxed);
        Self
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        // In a child that a signal handler forked meanwhile it may be another thread's by now.
        let _ = MAKER.compare_exchange(me(), 0, Ordering::Release, Ordering::Relaxed);
        let _ = futex::wake(&MAKER, futex::Flags::PRIVATE, EVERYBODY);
    }
}

/// For the fork handler, in the child.
pub(super) fn forget() {
    MAKER.store(0, Ordering::Relaxed);
}

fn wait_for(maker: u32) {
    // The limit is a belt, as in the mutex: looking again does no harm.
    let limit = Duration::from_millis(50).try_into().ok();
    let _ = futex::wait(&MAKER, futex::Flags::PRIVATE, maker, limit.as_ref());
}

impl Guard {
    /// The store, once nobody makes room for it. `None` as for [`lock`](Self::lock), and where this very thread is making room.
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

    /// The store, with memory to record in if there is any to be had; `None` as for [`settled`](Self::settled).
    pub(super) fn live() -> Option<Self> {
        Self::settled()?.made_live()
    }

    /// The same for who has it already, and gives it up for a while where the directory must be
    /// looked for, or room be made.
    pub(super) fn made_live(mut self) -> Option<Self> {
        let mut outcome = None;
        loop {
            self.make_live(outcome.take());
            let Some(wanted) = self.wanted.take() else { return Some(self) };
            let maker = Maker::announce(&self);
            if let Wanted::Room = wanted {
                // Before it is tried: whoever has the mutex next takes what there is.
                self.made_room_in = Some(epoch());
            }
            drop(self);
            match wanted {
                Wanted::Directory(search) => outcome = Some(search.for_writing()),
                Wanted::Room => fault::step!("room.make", make_room()),
            }
            drop(maker);
            // Again: in a child that a signal handler forked meanwhile nobody has tried.
            self = Self::settled()?;
        }
    }
}

/// Folds what the dead have left in this process's directory, as far as that is quick, if this
/// process may; or waits a moment for the process that is doing it.
fn make_room() {
    // Whatever was in the way is reported by what is done next: there is no room.
    let _ = crate::archive::make_room(open_directory, FORKS);
}
