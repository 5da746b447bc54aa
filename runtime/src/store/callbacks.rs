//! The functions that say what some series' values are. Kept here, under the one mutex, so that a fork finds them whole.

use core::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::fork::Guard;
use super::state::State;

/// It sets what it is to set by itself.
pub(crate) type Callback = &'static (dyn Fn() + Send + Sync);

static EVERY_MS: AtomicU64 = AtomicU64::new(5_000);

/// How often they are called.
pub(crate) fn sample_interval() -> Duration {
    Duration::from_millis(EVERY_MS.load(Ordering::Relaxed))
}

pub(super) fn set_sample_interval(interval: Duration) {
    let ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    EVERY_MS.store(ms, Ordering::Relaxed);
}

/// What the store keeps of them.
#[derive(Default)]
pub(super) struct Callbacks {
    /// By series: its handle's two parts.
    known: Vec<((usize, u32), Callback)>,
    /// To be called, once the mutex is released, in a process that has begun to count: a child doesn't inherit the thread that calls them.
    start: Option<fn()>,
}

impl core::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.known.iter().map(|(series, _)| series)).finish()
    }
}

impl Callbacks {
    pub(super) const fn new() -> Self {
        Self { known: Vec::new(), start: None }
    }

    /// What has to be started in a process whose segment was just made.
    pub(super) fn start(&self) -> Option<fn()> {
        self.start
    }
}

/// Remembers a function for a series, in place of the one before.
pub(crate) fn add_callback(series: (usize, u32), callback: Callback, start: fn()) {
    let Some(mut store) = Guard::lock() else { return };
    let callbacks = &mut store.callbacks;
    callbacks.start = Some(start);
    match callbacks.known.iter_mut().find(|(known, _)| *known == series) {
        Some((_, known)) => *known = callback,
        None => callbacks.known.push((series, callback)),
    }
}

/// Whether there is one for this series.
pub(crate) fn has_callback(series: (usize, u32)) -> bool {
    Guard::lock()
        .is_some_and(|store| store.callbacks.known.iter().any(|(known, _)| *known == series))
}

/// All of them, if this process counts.
pub(crate) fn callbacks() -> Vec<Callback> {
    let Some(store) = Guard::lock() else { return Vec::new() };
    if store.state == State::Forked {
        // A child that has recorded nothing is not made to by what its parent had.
        return Vec::new();
    }
    store.callbacks.known.iter().map(|(_, callback)| *callback).collect()
}
