//! The functions that say what some series' values are. Kept here, under the one mutex, so that a fork finds them whole.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::clock;
use crate::segment::tally::note_dropped;

use super::fork::Guard;
use super::gate::{self, End};
use super::state::State;

/// A function of the user's, which sets what it is to set by itself.
pub(crate) struct Callback {
    function: Box<dyn Fn() + Send + Sync>,
    /// The family whose value it says.
    family: &'static str,
    /// Whether it was never called.
    is_new: AtomicBool,
    /// Whether it has kept a fork waiting for too long, and was not quick since.
    is_slow: AtomicBool,
    /// The call that hasn't returned, by its number, which tells a child's from its parent's.
    running: AtomicU64,
    /// When that began, by the coarse clock, in seconds.
    since: AtomicU64,
    /// The call for which nobody waits any more.
    given_up: AtomicU64,
}

/// What came of calling a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    /// It has returned, or panicked, or still runs since an earlier call.
    Done,
    /// A fork is under way, or another function runs.
    NotNow,
    /// It has returned long after it was given up.
    GivenUp,
    /// It has returned in a child, which it has made.
    Forked,
}

impl Callback {
    pub(crate) fn new(family: &'static str, function: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            function: Box::new(function),
            family,
            is_new: AtomicBool::new(true),
            is_slow: AtomicBool::new(false),
            running: AtomicU64::new(0),
            since: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    /// Calls it, unless it still runs: it is never called twice at a time.
    pub(crate) fn call(&self) -> Called {
        let Some(call) = gate::enter(!self.is_slow.load(Ordering::Relaxed)) else {
            return Called::NotNow;
        };
        if gate::is_ours(self.running.load(Ordering::Acquire)) {
            call.end();
            return Called::Done;
        }
        self.since.store(clock::coarse_seconds(), Ordering::Relaxed);
        self.running.store(call.number(), Ordering::Relaxed);
        self.is_new.store(false, Ordering::Relaxed);
        let began = Instant::now();
        // Whatever it breaks is its own; one that panics must not silence the others.
        if catch_unwind(AssertUnwindSafe(&self.function)).is_err() {
            note_dropped();
        }
        if !call.is_ours() {
            return Called::Forked;
        }
        self.running.store(0, Ordering::Release);
        let took = began.elapsed();
        match call.end() {
            End::GivenUp => return Called::GivenUp,
            End::Late => self.is_slow.store(true, Ordering::Relaxed),
            End::InTime if took < gate::PATIENCE => self.is_slow.store(false, Ordering::Relaxed),
            End::InTime => {}
        }
        Called::Done
    }

    /// Says what is wrong with it, if it was given up and hasn't returned.
    fn complaint(&self) -> Option<String> {
        let running = self.running.load(Ordering::Relaxed);
        if !gate::is_ours(running) || self.given_up.load(Ordering::Relaxed) != running {
            return None;
        }
        let since = self.since.load(Ordering::Relaxed);
        let seconds = clock::coarse_seconds().saturating_sub(since);
        Some(format!(
            "the function that says the value of `{}` has not returned for {seconds} s: the value is as old",
            self.family
        ))
    }
}

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
    known: Vec<((usize, u32), &'static Callback)>,
    /// To be called, once the mutex is released, in a process that has begun to count: a child
    /// doesn't inherit the threads that call them.
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
    /// Whether there is one for this series.
    pub(super) fn has(&self, series: (usize, u32)) -> bool {
        self.known.iter().any(|(known, _)| *known == series)
    }

    /// The series is gone, and its name may be another's.
    pub(super) fn forget(&mut self, series: (usize, u32)) {
        self.known.retain(|(known, _)| *known != series);
    }

    pub(super) fn start(&self) -> Option<fn()> {
        self.start
    }

    /// What is wrong with each that was given up and hasn't returned.
    pub(super) fn complaints(&self) -> impl Iterator<Item = String> {
        self.known.iter().filter_map(|(_, callback)| callback.complaint())
    }
}

/// Remembers a function for a series, in place of the one before.
pub(crate) fn add_callback(series: (usize, u32), callback: &'static Callback, start: fn()) {
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
pub(crate) fn callbacks() -> Vec<&'static Callback> {
    let Some(store) = Guard::lock() else { return Vec::new() };
    if store.state == State::Forked {
        // A child that has recorded nothing is not made to by what its parent had.
        return Vec::new();
    }
    store.callbacks.known.iter().map(|(_, callback)| *callback).collect()
}

/// Notes that nobody waits for this call any more, and tells the program's logger.
pub(crate) fn note_given_up(call: u64) {
    let Some(mut store) = Guard::lock() else { return };
    let mut known = store.callbacks.known.iter().map(|(_, callback)| *callback);
    let given_up = known.find(|callback| callback.running.load(Ordering::Relaxed) == call);
    if let Some(callback) = given_up {
        callback.given_up.store(call, Ordering::Relaxed);
        store.unsaid = callback.complaint();
    }
}
