//! Statements that the processes of a PostgreSQL server execute: the part in Rust of an extension.
//! The part in C, `statements.c`, is what Postgres calls, and calls these functions.
//!
//! Postgres reports an error by `longjmp`, and a frame of a function in Rust that is jumped over is
//! undefined behaviour. So no function here calls Postgres, and none takes a function to call: when
//! Postgres jumps, all of them have returned.

#![expect(unsafe_code, reason = "functions that C calls by their names")]

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr;

use headcount::{
    Collector, Config, Counter, Error, Gauge, Histogram, LabelValue, count_exceptions, counted,
    metric, timed,
};

/// What a statement does. C has the same list, `statement_kind`.
#[repr(C)]
#[derive(Clone, Copy, LabelValue)]
pub enum Kind {
    Select,
    Insert,
    Update,
    Delete,
    /// All that has no plan, such as `CREATE TABLE` or `COMMIT`.
    Utility,
    Other,
}

/// Statements that were begun.
#[metric(name = "statements_total")]
fn statements(kind: Kind) -> Counter;

/// Statements that ended with an error.
#[metric(name = "statement_errors_total")]
fn errors(kind: Kind) -> Counter;

/// Rows that statements returned or changed.
#[metric(name = "statement_rows_total")]
fn rows(kind: Kind) -> Counter;

/// Time from the begin to the end of a statement.
#[metric(name = "statement_duration_seconds")]
fn durations(kind: Kind) -> Histogram;

/// Statements that are running.
#[metric(name = "statements_running", mode = "livesum")]
fn running(kind: Kind) -> Gauge;

/// Called once, in the postmaster, before it forks any process. Returns `false` if the counts can't
/// be shared.
///
/// # Safety
///
/// `directory` is a string, or null for the directory that the environment names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn statements_init(directory: *const c_char) -> bool {
    let mut config = Config::new().required(true);
    if !directory.is_null() {
        // SAFETY: the caller passes a string.
        let directory = unsafe { CStr::from_ptr(directory) };
        config = config.directory(Path::new(&*directory.to_string_lossy()));
    }
    headcount::init(config).is_ok()
}

/// A statement begins.
#[unsafe(no_mangle)]
pub extern "C" fn statement_begins(kind: Kind) {
    statements(kind).inc();
    running(kind).inc();
}

/// That statement has ended.
#[unsafe(no_mangle)]
pub extern "C" fn statement_ends(kind: Kind, seconds: f64, processed: u64, failed: bool) {
    running(kind).dec();
    durations(kind).observe(seconds);
    rows(kind).inc_by(processed);
    if failed {
        errors(kind).inc();
    }
}

/// The page of all processes of the server, or null; `statements_free` takes it back.
#[unsafe(no_mangle)]
pub extern "C" fn statements_page() -> *mut c_char {
    let page = page().ok().and_then(|page| CString::new(page).ok());
    page.map_or(ptr::null_mut(), CString::into_raw)
}

/// The attributes count and time the extension's own functions.
#[counted]
#[timed]
#[count_exceptions]
fn page() -> Result<String, Error> {
    Ok(Collector::new().collect()?.to_text())
}

/// Frees a page.
///
/// # Safety
///
/// It is one of `statements_page`'s, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn statements_free(page: *mut c_char) {
    // SAFETY: `statements_page` made it of a `CString`.
    drop(unsafe { CString::from_raw(page) });
}
