//! The place of an exemplar in shard 0: how it is written and read.
//!
//! ```text
//! 0        held, and when the place was written last; the writer's own
//! 1 .. 8   one copy: number, value, time, trace (two words), span, check, 0
//! 9 .. 16  another
//! ```
//!
//! Writers write the copies in turn. A reader takes a copy if its check is right, of two the one
//! with the greater number. So whoever is killed in the middle of writing leaves the other copy,
//! and a reader that reads while somebody writes finds that one. One copy with a check, or with a
//! sequence lock, is lost with a writer that is killed in the middle of it.
//!
//! A writer never waits: if the place is held, by another thread or by what a signal handler
//! interrupted, it gives up its exemplar. Who holds a place and is killed takes the place along:
//! no other process writes in it.

use core::sync::atomic::Ordering;

use crate::model::exemplar::{Held, TraceContext};

use super::shard::Shared;

/// The number of cells of a place.
pub(crate) const PLACE: u32 = 17;
/// The number of words of a copy.
const COPY: u32 = 8;
/// The bit of the first word that says that the place is held. The others are a time.
const HELD: u64 = 1;

/// A time of the kernel's monotonic clock as a place holds it: in units of 2^20 nanoseconds, about
/// a millisecond. Not 0, which is the time of a place that was never written.
#[inline]
pub(crate) fn age_of(monotonic_ns: u64) -> u64 {
    (monotonic_ns >> 20) + 1
}

/// A second, in the units of [`age_of`].
const SECOND: u64 = 1_000_000_000 >> 20;

/// Whether the place may be written by somebody who was not asked to: nobody holds it, and what it
/// holds is older than a second.
#[inline]
pub(crate) fn is_due(place: &Shared, now: u64) -> bool {
    let word = place.cell(0).load(Ordering::Relaxed);
    let last = word >> 1;
    word & HELD == 0 && (last == 0 || now.saturating_sub(last) > SECOND)
}

/// Writes into a place, unless somebody else is writing there. `now` is the present as
/// [`age_of`] has it.
pub(crate) fn write(place: &Shared, now: u64, held: &Held) {
    let lock = place.cell(0);
    let word = lock.load(Ordering::Relaxed);
    let free = word & !HELD;
    // Acquire: the numbers are those of whoever held it before.
    let taken = lock.compare_exchange(free, free | HELD, Ordering::Acquire, Ordering::Relaxed);
    if taken.is_err() {
        return;
    }
    let number = |copy: u32| place.cell(1 + copy * COPY).load(Ordering::Relaxed);
    let number = number(0).max(number(1)).wrapping_add(1);
    let words = words(number, held);
    let at = 1 + if number & 1 == 0 { 0 } else { COPY };
    let rest = words.iter().zip(at..).skip(1);
    for (word, at) in rest {
        place.cell(at).store(*word, Ordering::Relaxed);
    }
    crate::fault::step!("exemplar.write", place.cell(at).store(number, Ordering::Release));
    lock.store(now << 1, Ordering::Release);
}

/// The first seven words of a copy.
fn words(number: u64, held: &Held) -> [u64; 7] {
    let (trace, span) = held.context.ids();
    let high = (trace >> 64) as u64;
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    let low = trace as u64;
    let all = [number, held.value.to_bits(), held.when, high, low, span];
    let [number, value, when, high, low, span] = all;
    [number, value, when, high, low, span, check(&all)]
}

/// Depends on every bit of all words: a copy that is half of one exemplar and half of another is
/// what a reader finds every day.
fn check(words: &[u64; 6]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |all, word| {
        let all = (all ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
        all ^ all >> 32
    })
}

/// The newest exemplar of a place, whose words may have been read while somebody wrote them.
pub(crate) fn newest(place: &[u64]) -> Option<Held> {
    let copies = place.get(1..)?.chunks_exact(COPY as usize);
    let whole = copies.filter_map(|copy| {
        let [number, value, when, high, low, span, found, _] = *copy else { return None };
        let is_right = number != 0 && found == check(&[number, value, when, high, low, span]);
        let trace = u128::from(high) << 64 | u128::from(low);
        let context = TraceContext::of(trace, span);
        let held = Held { value: f64::from_bits(value), when, context };
        (is_right && context.is_valid() && !held.value.is_nan()).then_some((number, held))
    });
    whole.max_by_key(|(number, _)| *number).map(|(_, held)| held)
}
