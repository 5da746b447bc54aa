//! Calls the functions that were given to `set_function`.
//!
//! A collector reads files; it can't call a function in another process. So each process calls its
//! own functions every few seconds, whether or not anything collects, and once more when it
//! collects itself. One thread calls the functions, and another keeps the time. A function that
//! doesn't return for a second is given up: another thread calls the others from then on, so that
//! it affects only its own value, and a collection waits no longer than that.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use crate::config::ON;
use crate::kernel::thread::futex;
use crate::process::{Blocked, epoch};
use crate::store;

use super::{Callback, Called, gate};

/// Rounds of calls that were requested, and those that were completed. Both wrap around.
static ASKED: AtomicU32 = AtomicU32::new(0);
static DONE: AtomicU32 = AtomicU32::new(0);
/// Whether the next round calls all functions, or only the new ones.
static ALL: AtomicBool = AtomicBool::new(false);
/// The epoch of the process that has the threads, plus one. A child has none until it counts.
static THREADS: AtomicU32 = AtomicU32::new(0);
/// The number of the thread that calls functions; 0 if there is none.
static CALLER: AtomicU32 = AtomicU32::new(0);
/// The number of threads whose function was given up and hasn't returned.
static STUCK: AtomicU32 = AtomicU32::new(0);

/// The maximum number of those. At the maximum no function is called until one of them returns.
const MOST_STUCK: u32 = 8;
/// How long a function may run until it is given up.
const LIMIT: Duration = Duration::from_secs(1);
/// How long `set_function` waits for the first value. It is short, because the caller may hold the
/// lock that the function takes.
const FIRST: Duration = Duration::from_millis(50);
/// How often a waiting thread checks again, even if nothing wakes it.
const AGAIN: Duration = Duration::from_millis(50);

const EVERYBODY: u32 = u32::MAX >> 1;

thread_local! {
    /// Whether this thread calls functions; it must not wait for itself.
    static IS_CALLER: Cell<bool> = const { Cell::new(false) };
}

/// Calls this function from now on, and no longer an earlier one for the same series.
pub(crate) fn add(
    series: (usize, u32),
    family: &'static str,
    function: impl Fn() + Send + Sync + 'static,
) {
    if ON {
        register(Some(series), Callback::new(Cow::Borrowed(family), Box::new(function)));
    }
}

/// Calls this function from now on, with a state that each process begins anew. `start` makes the
/// state, and is given whether the process is a forked child.
pub(crate) fn add_with_state<S: Send + 'static>(
    family: Cow<'static, str>,
    start: impl Fn(bool) -> S + Send + Sync + 'static,
    function: impl Fn(&mut S) + Send + Sync + 'static,
) {
    if !ON {
        return;
    }
    let shared = Arc::new((start, function));
    let maker = move |is_forked| {
        let shared = shared.clone();
        // A child has a lock of its own: its parent's may have been locked when it forked.
        let state = Mutex::new(None);
        let function = move || {
            // Two calls never overlap, and a call that panicked leaves a state.
            let mut state = match state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(state)) => state.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            (shared.1)(state.get_or_insert_with(|| (shared.0)(is_forked)));
        };
        Box::new(function) as Box<dyn Fn() + Send + Sync>
    };
    register(None, Callback::with_state(family, Arc::new(maker), false));
}

fn register(series: Option<(usize, u32)>, callback: Callback) {
    // Leaked, because it may be running when it is replaced.
    let callback: &'static Callback = Box::leak(Box::new(callback));
    // No series has such a key.
    let series = series.unwrap_or((core::ptr::from_ref(callback).addr(), u32::MAX));
    // Called first, because a child that has recorded nothing calls no functions.
    store::start();
    store::add_callback(series, callback, ensure_threads);
    ensure_threads();
    if !ask(false, FIRST) {
        callback.call();
    }
}

/// Whether this series has a function.
pub(crate) fn has(series: (usize, u32)) -> bool {
    ON && store::has_callback(series)
}

/// Calls all functions now and waits for their values, but not for long.
pub(crate) fn sample() {
    let callbacks = store::callbacks();
    if callbacks.is_empty() {
        return;
    }
    ensure_threads();
    if !ask(true, LIMIT) {
        for callback in callbacks {
            callback.call();
        }
    }
}

/// Requests a round and waits for it. `false` if there is no thread that could do it.
fn ask(all: bool, patience: Duration) -> bool {
    if THREADS.load(Ordering::Relaxed) != mark() || !ensure_caller() {
        return false;
    }
    let round = request(all);
    let began = Instant::now();
    while !IS_CALLER.get() {
        let done = DONE.load(Ordering::Acquire);
        let left = patience.saturating_sub(began.elapsed());
        let nobody_can = STUCK.load(Ordering::Relaxed) >= MOST_STUCK;
        // In a child that a signal handler forked in this function, there is no thread to wait for.
        let is_over = !is_before(done, round) || left.is_zero() || nobody_can;
        if is_over || THREADS.load(Ordering::Relaxed) != mark() {
            break;
        }
        wait(&DONE, done, left.min(AGAIN));
    }
    true
}

/// Requests a round, and returns its number.
fn request(all: bool) -> u32 {
    if all {
        ALL.store(true, Ordering::Release);
    }
    let round = ASKED.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
    wake(&ASKED);
    round
}

fn is_before(round: u32, other: u32) -> bool {
    other.wrapping_sub(round).wrapping_sub(1) < u32::MAX / 2
}

fn mark() -> u32 {
    epoch().wrapping_add(1).max(1)
}

/// Sleeps while the word has this value, but not for long.
fn wait(word: &AtomicU32, value: u32, limit: Duration) {
    let limit = limit.try_into().ok();
    let _ = futex::wait(word, futex::Flags::PRIVATE, value, limit.as_ref());
}

fn wake(word: &AtomicU32) {
    let _ = futex::wake(word, futex::Flags::PRIVATE, EVERYBODY);
}

/// Starts the thread that keeps the time, if this process doesn't have it.
fn ensure_threads() {
    if THREADS.swap(mark(), Ordering::Relaxed) == mark() {
        return;
    }
    // These values are a parent's.
    CALLER.store(0, Ordering::Relaxed);
    STUCK.store(0, Ordering::Relaxed);
    if !spawn(keep_time) {
        // The thread could not be created: the next function, collection or child tries again.
        THREADS.store(0, Ordering::Relaxed);
    }
}

/// Starts a thread that calls functions, if there is none and one is allowed. `false` if it could
/// not be created.
fn ensure_caller() -> bool {
    static LAST: AtomicU32 = AtomicU32::new(0);
    if CALLER.load(Ordering::Relaxed) != 0 || STUCK.load(Ordering::Relaxed) >= MOST_STUCK {
        return true;
    }
    let me = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1);
    let is_mine = || CALLER.compare_exchange(0, me, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if is_mine() && !spawn(move || serve(me)) {
        CALLER.store(0, Ordering::Relaxed);
        return false;
    }
    true
}

fn spawn(thread: impl FnOnce() + Send + 'static) -> bool {
    // The program's signals must be delivered to the program's threads.
    let _blocked = Blocked::all();
    std::thread::Builder::new().name("headcount".to_owned()).spawn(thread).is_ok()
}

/// The thread that calls functions.
fn serve(me: u32) {
    IS_CALLER.set(true);
    loop {
        let round = ASKED.load(Ordering::Acquire);
        if round == DONE.load(Ordering::Relaxed) {
            wait(&ASKED, round, Duration::MAX);
            continue;
        }
        let all = ALL.swap(false, Ordering::AcqRel);
        if !call_all(all, me) {
            return;
        }
        DONE.store(round, Ordering::Release);
        wake(&DONE);
    }
}

/// One round. `false` if another thread has replaced this one.
fn call_all(all: bool, me: u32) -> bool {
    for callback in store::callbacks() {
        if !all && !callback.is_new() {
            continue;
        }
        match callback.call() {
            Called::NotNow if gate::is_in_the_way() => return true,
            Called::Done | Called::NotNow => {}
            Called::Forked => return false,
            Called::GivenUp => {
                STUCK.fetch_sub(1, Ordering::Relaxed);
                // If there were too many stuck threads, none has replaced it.
                let taken = CALLER.compare_exchange(0, me, Ordering::AcqRel, Ordering::Relaxed);
                if taken.is_err() {
                    return false;
                }
            }
        }
    }
    true
}

/// The thread that keeps the time. It requests rounds, and supervises the thread that calls
/// functions.
fn keep_time() {
    let mine = mark();
    ensure_caller();
    let mut last = Instant::now();
    // Otherwise a function forked: its child has no such thread.
    while mark() == mine {
        let asked = ASKED.load(Ordering::Acquire);
        if asked != DONE.load(Ordering::Acquire) {
            look_after_caller();
            continue;
        }
        let left = store::sample_interval().saturating_sub(last.elapsed());
        if left.is_zero() {
            request(true);
            last = Instant::now();
        } else {
            wait(&ASKED, asked, left);
        }
    }
}

/// While a round is in progress: gives up a call that takes too long, and lets another thread call
/// the other functions.
fn look_after_caller() {
    let done = DONE.load(Ordering::Relaxed);
    let Some(call) = gate::running() else {
        let is_there = ensure_caller() && CALLER.load(Ordering::Relaxed) != 0;
        wait(&DONE, done, if is_there { AGAIN } else { LIMIT });
        return;
    };
    let began = Instant::now();
    while gate::running() == Some(call) {
        let left = LIMIT.saturating_sub(began.elapsed());
        if left.is_zero() {
            // Incremented first: a function that returns at this moment decrements it.
            STUCK.fetch_add(1, Ordering::Relaxed);
            if gate::give_up(call) {
                CALLER.store(0, Ordering::Release);
                store::note_given_up(call);
                ensure_caller();
            } else {
                STUCK.fetch_sub(1, Ordering::Relaxed);
            }
            return;
        }
        wait(&DONE, done, left.min(AGAIN));
    }
}
