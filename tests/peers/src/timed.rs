//! Functions that are measured by an attribute, and the same function without one.

use std::hint::black_box;
use std::time::{Duration, Instant};

use headcount::{count_exceptions, counted, in_progress, timed};

#[inline(never)]
pub fn plain(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

/// What measuring a call can't do without.
pub fn between_two_reads(value: u64) -> (Result<u64, ()>, Duration) {
    let began = Instant::now();
    let result = plain(value);
    (result, began.elapsed())
}

#[timed]
#[inline(never)]
pub fn ours(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

/// Until durations are taken from the processor's counter, about a millisecond after the process
/// has begun to record; and until the processor has learned what is called.
pub fn warm_up() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let _ = ours(1);
    }
}

#[counted]
#[timed]
#[in_progress]
#[count_exceptions]
#[inline(never)]
pub fn ours_with_all_four(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[autometrics::autometrics(track_concurrency)]
#[inline(never)]
pub fn autometrics(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}

#[tracing::instrument(skip_all)]
#[inline(never)]
pub fn tracing(value: u64) -> Result<u64, ()> {
    black_box(Ok(value))
}
