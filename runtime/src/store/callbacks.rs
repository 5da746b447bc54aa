//! The functions that were given to `set_function`. They are kept under the store's mutex, so that
//! a forked child finds the list complete.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::process::epoch;
use crate::segment::tally::note_dropped;

use super::gate::{self, End};
use super::guard::Guard;
use super::state::State;

/// A function that sets its metrics itself.
type Function = Box<dyn Fn() + Send + Sync>;

/// Makes such a function with a state of its own; the argument is whether this is a forked child.
pub(crate) type Maker = Arc<dyn Fn(bool) -> Function + Send + Sync>;

/// A user's function, wrapped so that it sets its metric itself.
pub(crate) struct Callback {
    function: Function,
    /// The family whose value it sets.
    family: Cow<'static, str>,
    /// For a function with a state: makes the one that a forked child calls.
    maker: Option<Maker>,
    /// The epoch of the process that made it.
    since: u32,
    /// Whether it was never called.
    is_new: AtomicBool,
    /// Whether it kept a fork waiting for too long, and was not quick since.
    is_slow: AtomicBool,
    /// The number of the call that has not returned. It differs between a child and its parent.
    running: AtomicU64,
    /// When that call began, by the coarse clock, in seconds.
    began: AtomicU64,
    /// The call that was given up.
    given_up: AtomicU64,
}

/// The result of calling a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    /// It returned or panicked, or an earlier call of it is still running.
    Done,
    /// A fork is in progress, or another function is running.
    NotNow,
    /// It returned long after the call had been given up.
    GivenUp,
    /// It forked, and returned in the child.
    Forked,
}

impl Callback {
    pub(crate) fn new(family: Cow<'static, str>, function: Function) -> Self {
        Self {
            function,
            family,
            maker: None,
            since: epoch(),
            is_new: AtomicBool::new(true),
            is_slow: AtomicBool::new(false),
            running: AtomicU64::new(0),
            began: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        }
    }

    /// A function with a state: see [`sampler::add_with_state`](super::sampler::add_with_state).
    pub(crate) fn with_state(family: Cow<'static, str>, maker: Maker, is_forked: bool) -> Self {
        let function = maker(is_forked);
        Self { maker: Some(maker), ..Self::new(family, function) }
    }

    /// The function with a new state, if this one belongs to the process that forked this one.
    fn renewed(&self) -> Option<Self> {
        let maker = self.maker.as_ref().filter(|_| self.since != epoch())?;
        Some(Self::with_state(self.family.clone(), maker.clone(), true))
    }

    pub(crate) fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    /// Calls it, unless an earlier call is still running: two calls of it never overlap.
    pub(crate) fn call(&self) -> Called {
        let Some(call) = gate::enter(!self.is_slow.load(Ordering::Relaxed)) else {
            return Called::NotNow;
        };
        if gate::is_ours(self.running.load(Ordering::Acquire)) {
            call.end();
            return Called::Done;
        }
        self.began.store(clock::coarse_seconds(), Ordering::Relaxed);
        self.running.store(call.number(), Ordering::Relaxed);
        self.is_new.store(false, Ordering::Relaxed);
        let began = Instant::now();
        // A function that panics must not stop the others.
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

    /// A message about it, if its call was given up and has not returned.
    fn complaint(&self) -> Option<String> {
        let running = self.running.load(Ordering::Relaxed);
        if !gate::is_ours(running) || self.given_up.load(Ordering::Relaxed) != running {
            return None;
        }
        let began = self.began.load(Ordering::Relaxed);
        let seconds = clock::coarse_seconds().saturating_sub(began);
        Some(format!(
            "the function for the value of `{}` has not returned for {seconds} s: the value is as old",
            self.family
        ))
    }
}

static EVERY_MS: AtomicU64 = AtomicU64::new(5_000);

/// The interval between calls.
pub(crate) fn sample_interval() -> Duration {
    Duration::from_millis(EVERY_MS.load(Ordering::Relaxed))
}

pub(super) fn set_sample_interval(interval: Duration) {
    let ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    EVERY_MS.store(ms, Ordering::Relaxed);
}

/// The store's list of functions.
#[derive(Default)]
pub(super) struct Callbacks {
    /// By series: the two parts of its handle's key.
    known: Vec<((usize, u32), &'static Callback)>,
    /// What must be started, once the mutex is released, in a process that has begun to count: a
    /// child doesn't inherit the threads that call the functions.
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

    /// Whether there is one for this series.
    pub(super) fn has(&self, series: (usize, u32)) -> bool {
        self.known.iter().any(|(known, _)| *known == series)
    }

    /// The series is removed; another one may get its name.
    pub(super) fn forget(&mut self, series: (usize, u32)) {
        self.known.retain(|(known, _)| *known != series);
    }

    pub(super) fn start(&self) -> Option<fn()> {
        self.start
    }

    /// A message for each function whose call was given up and has not returned.
    pub(super) fn complaints(&self) -> impl Iterator<Item = String> {
        self.known.iter().filter_map(|(_, callback)| callback.complaint())
    }
}

/// Registers a function for a series, and replaces the earlier one.
pub(crate) fn add_callback(series: (usize, u32), callback: &'static Callback, start: fn()) {
    let Some(mut store) = Guard::lock() else { return };
    let callbacks = &mut store.callbacks;
    callbacks.start = Some(start);
    match callbacks.known.iter_mut().find(|(known, _)| *known == series) {
        Some((_, known)) => *known = callback,
        None => callbacks.known.push((series, callback)),
    }
}

/// Whether this series has a function.
pub(crate) fn has_callback(series: (usize, u32)) -> bool {
    Guard::lock()
        .is_some_and(|store| store.callbacks.known.iter().any(|(known, _)| *known == series))
}

/// All of them, if this process counts.
pub(crate) fn callbacks() -> Vec<&'static Callback> {
    let Some(mut store) = Guard::lock() else { return Vec::new() };
    if store.state == State::Forked {
        // A child that has recorded nothing does not start to count because its parent had
        // functions.
        return Vec::new();
    }
    for (_, callback) in &mut store.callbacks.known {
        if let Some(renewed) = callback.renewed() {
            // Leaked, as in the process that forked this one.
            *callback = Box::leak(Box::new(renewed));
        }
    }
    store.callbacks.known.iter().map(|(_, callback)| *callback).collect()
}

/// Records that this call was given up, and reports it to the program's logger.
pub(crate) fn note_given_up(call: u64) {
    let Some(mut store) = Guard::lock() else { return };
    let mut known = store.callbacks.known.iter().map(|(_, callback)| *callback);
    let given_up = known.find(|callback| callback.running.load(Ordering::Relaxed) == call);
    if let Some(callback) = given_up {
        callback.given_up.store(call, Ordering::Relaxed);
        store.on_release.warning = callback.complaint();
    }
}
