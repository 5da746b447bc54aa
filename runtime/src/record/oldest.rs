//! `in_progress(oldest)`: when the oldest call in progress began.
//!
//! A process has sixteen places for a function's calls in progress, in shard 0. A call takes a free
//! place, writes there when it began, and empties it at its end, perhaps in another thread. So up
//! to sixteen calls are exact. A further call joins the call that began last, and the place is
//! empty when both have ended: it may then show a time earlier than that of any call in progress,
//! and never a later one, so no call that hangs is overlooked. There is always a free place soon
//! unless sixteen calls hang, so the time is early by no more than calls usually take.
//!
//! It costs one compare-and-swap at the beginning of a call and one at the end, and a reading of
//! the clock. A place is one word, so a process that is killed leaves none half written.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::config::ON;
use crate::label::{At, GONE};
use crate::model::cells::{CALLS_IN_PLACE, PLACES, START_SHIFT};
use crate::process::steady_ns;
use crate::segment::shard::{self, Shared};
use crate::store;

use super::named::InProgress;
use super::recorder::{End, Recorder};

/// The offset of the last place.
const LAST: u32 = PLACES - 1;
/// The place of a call that has none.
const NOWHERE: u32 = u32::MAX;

/// Records when the oldest call in progress began.
#[derive(Debug, Clone, Copy)]
pub struct Oldest {
    series: At,
    /// The series' cells when the call began. A row that was removed meanwhile has others.
    slot: u32,
    place: u32,
}

impl Oldest {
    /// For the series at these cells.
    #[inline]
    pub fn new(series: At) -> Self {
        Self { series, slot: 0, place: NOWHERE }
    }
}

/// `in_progress` with `oldest`.
#[inline]
pub fn in_progress_and_oldest((running, oldest): (At, At)) -> (InProgress, Oldest) {
    (InProgress(running), Oldest::new(oldest))
}

impl Recorder for Oldest {
    const CLOCK: bool = false;

    #[inline(never)]
    fn begin(&mut self) {
        self.slot = self.series.load();
        self.place = places(self.slot).map_or(NOWHERE, |places| {
            enter(&places, steady_ns() / 1_000_000, shard::number_of_thread())
        });
    }

    #[inline(never)]
    fn finish(self, _: End) {
        if self.place == NOWHERE || self.series.load() != self.slot {
            return;
        }
        if let Some(places) = shard::shared(self.slot, LAST) {
            leave(places.cell(self.place));
        }
    }
}

/// The places of a series, once they exist.
#[inline]
fn places(slot: u32) -> Option<Shared> {
    if !ON {
        return None;
    }
    shard::shared(slot, LAST).or_else(|| places_cold(slot))
}

#[cold]
#[inline(never)]
fn places_cold(slot: u32) -> Option<Shared> {
    // Called for its side effect: a forked child makes its segment here.
    store::target(None, slot, LAST);
    let places = shard::shared(slot, LAST);
    if places.is_none() && slot != GONE {
        store::note_dropped();
    }
    places
}

/// Puts a call that began at `start` into a place and returns its number. Threads begin to search
/// at different places.
fn enter(places: &Shared, start: u64, thread: u32) -> u32 {
    let alone = start << START_SHIFT | 1;
    loop {
        let mut youngest = (0, 0);
        for number in (0..PLACES).map(|nth| thread.wrapping_add(nth) % PLACES) {
            let seen = places.cell(number).load(Ordering::Relaxed);
            if seen == 0 && swap(places.cell(number), 0, alone) {
                return number;
            }
            youngest = youngest.max((seen, number));
        }
        let (seen, number) = youngest;
        if seen & CALLS_IN_PLACE == CALLS_IN_PLACE {
            // A million calls in one place.
            store::note_dropped();
            return NOWHERE;
        }
        // If another thread was faster, its call has begun or ended, so somebody makes progress.
        if seen != 0 && swap(places.cell(number), seen, seen + 1) {
            return number;
        }
    }
}

/// Takes a call out of its place.
fn leave(place: &AtomicU64) {
    shard::update(place, |seen| match seen & CALLS_IN_PLACE {
        0 | 1 => 0,
        _ => seen - 1,
    });
}

fn swap(place: &AtomicU64, from: u64, to: u64) -> bool {
    place.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}
