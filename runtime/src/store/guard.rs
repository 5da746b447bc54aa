//! How an operation gets the store: [`Guard`] is the locked store, and its constructors are the
//! only ways to it.
//!
//! | constructor | who uses it | waits for |
//! |---|---|---|
//! | `lock` | reports, collections, a thread that ends and gives its shard back | the mutex |
//! | `settled` | lookups of rows, `init` | also for a thread that prepares a segment |
//! | `live` | the first use of a series, of a thread, of a child | also prepares the segment |
//!
//! None of them waits for the calling thread itself. A nested call (from an instrumented allocator,
//! from a signal handler that records, or between fork handlers) gets `None`, and what it records
//! is counted as dropped.
//!
//! While a guard exists, this thread's signals are blocked and no other thread can fork, because
//! the fork handlers take the same mutex (`fork`). What the user's code must do, such as logging,
//! happens after the mutex is released.
#![expect(unsafe_code, reason = "what the mutex guards")]

use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::fault;
use crate::process::{Blocked, Forks, epoch};
use crate::segment::shard;

use super::mutex::Mutex;
use super::on_release::OnRelease;
use super::preparation::{Preparer, Wanted};
use super::state::Store;
use super::{fork, preparation};

pub(super) static STORE: Mutex<Store> = Mutex::new(Store::new());

/// Whether this process was forked without fork handlers while a thread that it doesn't have held
/// the mutex. The state of the store is unknown then, and nothing is recorded.
pub(super) static ORPHANED: AtomicBool = AtomicBool::new(false);

/// The locked store. A thread has at most one guard at a time.
pub(super) struct Guard {
    /// The epoch in which the mutex was taken.
    since: u32,
    /// Dropped after the mutex is released.
    signals: Option<Blocked>,
}

impl Guard {
    /// Whether the mutex was ever taken, in this process or in one that it descends from.
    #[cfg(all(target_os = "linux", not(any(miri, feature = "off"))))]
    pub(super) fn has_been_taken() -> bool {
        fork::is_armed()
    }

    /// `None` if this thread holds the mutex already: a nested call (from an instrumented allocator
    /// or a signal handler) must not wait for its own thread.
    pub(super) fn lock() -> Option<Self> {
        fork::notice();
        if STORE.is_mine() || !fork::arm() {
            return None;
        }
        let signals = Some(Blocked::all());
        if ORPHANED.load(Ordering::Relaxed) {
            return None;
        }
        STORE.take();
        let mut guard = Self { since: epoch(), signals };
        if guard.epoch != guard.since {
            // A signal handler forked while this very thread was inside an operation. The fork
            // handler could not touch the store.
            guard.epoch = guard.since;
            guard.forsake();
        }
        Some(guard)
    }

    /// The store, once no thread prepares a segment for it. `None` as for [`lock`](Self::lock), and
    /// if this very thread is preparing one.
    pub(super) fn settled() -> Option<Self> {
        loop {
            let store = Self::lock()?;
            match preparation::preparer() {
                Preparer::Nobody => return Some(store),
                Preparer::ThisThread => return None,
                Preparer::Another(thread) => {
                    drop(store);
                    preparation::wait_for(thread);
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
            let Some(wanted) = self.preparation.take() else { return Some(self) };
            let preparing = preparation::announce(&self);
            drop(self);
            match wanted {
                Wanted::Directory(search) => outcome = Some(search.for_writing()),
                Wanted::Space => fault::step!("space.make", preparation::make_space()),
            }
            drop(preparing);
            // Checked again: in a child that a signal handler forked meanwhile no thread has tried.
            self = Self::settled()?;
        }
    }
}

impl Deref for Guard {
    type Target = Store;

    fn deref(&self) -> &Store {
        // SAFETY: a guard exists while its thread holds the mutex, and there is one; `self` is
        // borrowed for as long.
        unsafe { &*STORE.value() }
    }
}

impl DerefMut for Guard {
    fn deref_mut(&mut self) -> &mut Store {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { &mut *STORE.value() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let on_release = core::mem::replace(&mut self.on_release, OnRelease::new());
        STORE.release();
        if self.since != epoch() {
            // As in `lock`: a shard that this thread was given meanwhile belongs to nobody.
            shard::forget_all();
        }
        self.signals = None;
        on_release.run();
    }
}

/// Lets layers below the store run a function during which this process doesn't fork.
pub(crate) const FORKS: Forks = Forks(|what| {
    let Some(_guard) = Guard::lock() else { return false };
    what();
    true
});
