//! A shared library that counts, for a program that loads it while it runs: `loader` does. What it
//! exports is C's.

#![expect(unsafe_code, reason = "exported functions, and one that runs when the library is loaded")]
#![allow(missing_docs, clippy::missing_panics_doc, reason = "a library for tests")]

use std::cell::RefCell;
use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::Duration;

use headcount::{Config, Counter, Gauge, Histogram, count_exceptions, counted, metric, timed};

/// What the guest was asked to count.
#[metric(name = "guest_work_total")]
static WORK: Counter;
/// What it was asked to count for each name.
#[metric(name = "guest_named_total")]
fn named(name: &str) -> Counter;
/// What it observed.
#[metric(name = "guest_seconds")]
static SECONDS: Histogram;
/// What a function says.
#[metric(name = "guest_depth", mode = "livesum")]
static DEPTH: Gauge;
/// Counted while the library is loaded.
#[metric(name = "guest_loads_total")]
static LOADS: Counter;
/// Counted when threads end.
#[metric(name = "guest_ends_total")]
static ENDS: Counter;

#[counted(name = "guest_calls_total", outcome)]
#[timed(name = "guest_calls_seconds")]
#[count_exceptions(name = "guest_calls_failed_total")]
fn call(fails: bool) -> Result<(), ()> {
    if fails { Err(()) } else { Ok(()) }
}

/// A thread-local whose destructor records.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        ENDS.inc();
    }
}

thread_local! {
    static ENDING: RefCell<Option<Ends>> = const { RefCell::new(None) };
}

/// Records in a constructor, under the loader's lock, where the environment says so.
extern "C" fn loaded() {
    #[expect(clippy::disallowed_methods, reason = "says what the test wants")]
    if std::env::var_os("GUEST_COUNTS_LOADS").is_some() {
        LOADS.inc();
    }
}

#[used]
// SAFETY: an array of functions without arguments, called when the library is loaded; this one
// needs nothing that is not ready then: it stands behind all others.
#[unsafe(link_section = ".init_array.99999")]
static LOADED: extern "C" fn() = loaded;

/// # Safety
///
/// A path that ends in a 0.
// SAFETY: no other function of this name is in the programs that load this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guest_init(directory: *const c_char) -> bool {
    // SAFETY: the caller's promise.
    let directory = unsafe { CStr::from_ptr(directory) };
    let config = Config::new().directory(OsStr::from_bytes(directory.to_bytes()));
    headcount::init(config.sample_interval(Duration::from_millis(1))).is_ok()
}

/// Counts one in each of several ways, in the caller's thread and in one of the library's own.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn guest_work() {
    WORK.inc();
    named("a").inc();
    SECONDS.observe(0.5);
    let _ = call(false);
    let _ = call(true);
    ENDING.with(|ending| *ending.borrow_mut() = Some(Ends));
    thread::spawn(|| WORK.inc()).join().expect("it counts");
}

/// From now on a function of the library's is asked.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn guest_asks() {
    DEPTH.set_function(|| 1.0);
}

/// Counts one.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn guest_inc() {
    WORK.inc();
}
