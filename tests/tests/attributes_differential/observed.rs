//! What the generated functions handle: values that tell when they are made, moved out and dropped,
//! and a harness that calls a function and tells how the call ended. A crate of its own, which the
//! test gives to rustc.
//!
//! Everything is written into one log, in its order. Two programs that do the same have the same
//! log.

use std::cell::RefCell;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
pub use std::task::Poll;
use std::task::{Context, Waker};
use std::thread::panicking;

thread_local!(static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });

/// Appends a line to the log.
pub fn note(line: impl Into<String>) {
    let line = line.into();
    let _ = LOG.try_with(|log| log.borrow_mut().push(line));
}

/// The log, which is empty afterwards.
pub fn take_log() -> Vec<String> {
    LOG.with(RefCell::take)
}

/// Panics go into the log, with the place that they name.
pub fn watch_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or((0, 0), |place| (place.line(), place.column()));
        let said = info.payload().downcast_ref::<&str>().copied().unwrap_or("");
        note(format!("panic {place:?} {said}"));
    }));
}

/// A value whose destructor tells what it sees.
#[derive(PartialEq, Eq, Hash)]
pub struct Noted {
    pub name: &'static str,
    pub open: bool,
    pub n: i32,
}

impl Noted {
    pub fn new(name: &'static str) -> Self {
        Self { name, open: true, n: 1 }
    }

    /// One whose destructor panics, if it is to.
    pub fn bad(name: &'static str, bad: bool) -> Self {
        Self { name, open: true, n: if bad { 66 } else { 1 } }
    }

    #[must_use]
    pub fn get(&self) -> i32 {
        note(format!("get {}", self.name));
        self.n
    }

    pub fn touch(&mut self) {
        note(format!("touch {}", self.name));
        self.n += 1;
    }

    /// What borrows, and has a destructor: a lock's guard.
    pub fn guard(&self) -> Guard<'_> {
        note(format!("lock {}", self.name));
        Guard(self)
    }

    pub fn option(&self) -> Option<Guard<'_>> {
        (self.n % 2 == 1).then(|| self.guard())
    }

    pub fn result(&self) -> Result<Guard<'_>, String> {
        self.option().ok_or_else(|| "even".to_owned())
    }

    #[must_use]
    pub fn with(mut self, n: i32) -> Self {
        self.n = n;
        self
    }

    pub fn eat(self) -> i32 {
        note(format!("eat {}", self.name));
        self.n
    }

    /// The half of a future: ends the second time that it is polled.
    pub fn wait(&self) -> Wait<'_> {
        Wait { of: self.name, polls: 0, held: self.guard() }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        note(format!("drop {} {} {} {}", self.name, self.open, self.n, panicking()));
        if self.n == 66 && !panicking() {
            panic!("drop")
        }
    }
}

impl Debug for Noted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Noted({} {} {})", self.name, self.open, self.n)
    }
}

impl Default for Noted {
    fn default() -> Self {
        Self::new("default")
    }
}

pub struct Guard<'a>(&'a Noted);

impl Guard<'_> {
    #[must_use]
    pub fn get(&self) -> i32 {
        self.0.n
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        note(format!("unlock {} {}", self.0.name, panicking()));
    }
}

pub struct Wait<'a> {
    of: &'static str,
    polls: u32,
    held: Guard<'a>,
}

impl Future for Wait<'_> {
    type Output = i32;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<i32> {
        note(format!("wait {} {}", self.of, self.polls));
        self.polls += 1;
        if self.polls > 1 { Poll::Ready(self.held.get()) } else { Poll::Pending }
    }
}

/// Has no destructor of its own: its fields can be moved out one by one.
#[derive(Debug)]
pub struct Pair {
    pub a: Noted,
    pub b: Noted,
    pub n: i32,
}

impl Pair {
    pub fn new(a: &'static str, b: &'static str) -> Self {
        Self { a: Noted::new(a), b: Noted::new(b), n: 3 }
    }
}

/// Has a destructor, and fields that are copied: a transaction.
#[derive(Debug)]
pub struct Tx {
    pub open: bool,
    pub deep: Deep,
    pub inner: Noted,
}

#[derive(Debug, Clone, Copy)]
pub struct Deep {
    pub n: i32,
    pub open: bool,
}

impl Tx {
    pub fn new(name: &'static str) -> Self {
        Self { open: true, deep: Deep { n: 7, open: true }, inner: Noted::new(name) }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        note(format!("rollback {} {:?} {:?}", self.open, self.deep, self.inner));
    }
}

pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
/// A name that does not show what it is.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
pub type Fallible<T> = Result<T, String>;

/// A future with a name.
pub struct Named(pub Noted);

impl Future for Named {
    type Output = i32;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<i32> {
        note(format!("named {}", self.0.name));
        Poll::Ready(self.0.n)
    }
}

/// A trait to be an object of, and a bound.
pub trait Has {
    fn has(&self) -> i32;
    fn name(&self) -> &'static str {
        "has"
    }
}

impl Has for Noted {
    fn has(&self) -> i32 {
        self.get()
    }
    fn name(&self) -> &'static str {
        self.name
    }
}

impl Has for i32 {
    fn has(&self) -> i32 {
        *self
    }
}

/// Fails for one number.
pub fn fallible(k: u8) -> Fallible<i32> {
    if k == 3 { Err("three".to_owned()) } else { Ok(i32::from(k)) }
}

/// The same as a poll, which is pending for another number.
pub fn polled(k: u8) -> Poll<Fallible<i32>> {
    if k == 2 { Poll::Pending } else { Poll::Ready(fallible(k)) }
}

#[derive(Debug, Default)]
pub struct Large(pub Noted, pub [u64; 20]);

/// Fails for one number, with a large error.
#[allow(clippy::result_large_err)]
pub fn large(k: u8) -> Result<i32, Large> {
    if k == 3 { Err(Large::default()) } else { Ok(i32::from(k)) }
}

pub fn optional(k: u8) -> Option<i32> {
    (k != 3).then_some(i32::from(k))
}

/// Ready the second time that it is polled.
pub async fn pause(name: &'static str) {
    let held = Noted::new(name);
    held.wait().await;
}

pub async fn later(d: Noted) -> i32 {
    d.wait().await
}

pub async fn fails_later(k: u8) -> Fallible<i32> {
    pause("later").await;
    fallible(k)
}

/// Where in the code it was called.
#[track_caller]
pub fn here() -> String {
    let place = std::panic::Location::caller();
    format!("{}:{}", place.line(), place.column())
}

/// How far a future is driven.
#[derive(Clone, Copy)]
pub enum Until {
    Made,
    Polls(u32),
    Done,
}

pub const ENDS: [Until; 4] = [Until::Done, Until::Made, Until::Polls(1), Until::Polls(2)];

fn caught<T>(what: &str, run: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(_) => {
            note(format!("{what} unwound"));
            None
        }
    }
}

/// Calls a function, and shows what it returned before that is dropped.
pub fn call<T>(run: impl FnOnce() -> T, show: impl FnOnce(T)) {
    note("call");
    if let Some(value) = caught("call", run) {
        note("returned");
        caught("result", || show(value));
    }
}

/// Shows a value by its `Debug`.
pub fn show<T: Debug>(value: T) {
    note(format!("value {value:?}"));
}

/// Calls a function that returns a future, and drives that.
pub fn drive<F: Future>(until: Until, run: impl FnOnce() -> F, show: impl FnOnce(F::Output)) {
    note("make");
    let Some(future) = caught("make", run) else { return };
    note("made");
    let mut future = Box::pin(future);
    let mut left = match until {
        Until::Made => 0,
        Until::Polls(polls) => polls,
        Until::Done => 100,
    };
    let mut context = Context::from_waker(Waker::noop());
    while left > 0 {
        left -= 1;
        match caught("poll", || future.as_mut().poll(&mut context)) {
            None => break,
            Some(Poll::Pending) => note("pending"),
            Some(Poll::Ready(value)) => {
                note("ready");
                caught("result", || show(value));
                break;
            }
        }
    }
    note("drop future");
    caught("future's drop", || drop(future));
    note("dropped");
}

/// Calls `run` with each of the numbers by which bodies choose their way.
pub fn each(run: impl Fn(u8)) {
    for k in 0..6 {
        note(format!("k {k}"));
        run(k);
    }
}
