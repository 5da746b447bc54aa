//! Keeps exemplars of what is recorded.
//!
//! A series with exemplars of its own accord has a mark in its slot, which puts the slot above
//! every limit. So its operations take the slow path, where they count as all others do and then
//! come here, and the hot path of all other series has not an instruction more.

use crate::clock::coarse_ns;
use crate::model::TraceContext;
use crate::model::exemplar::Held;
use crate::process::{monotonic_ns, steady_ns_at};
use crate::segment::exemplar::{PLACE, age_of, is_due, write};
use crate::segment::shard::{self, Shared};
use crate::store;

use super::operation::Operation;
use super::trace_source;

const SECOND_NS: u64 = 1_000_000_000;

/// A part of an operation of which there may be an exemplar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    /// The offset of the series' first cell from that of the operation.
    pub(crate) series: u32,
    /// The number of places that the series has, and that of this event among them.
    pub(crate) places: u32,
    pub(crate) place: u32,
    pub(crate) value: f64,
}

/// Keeps an exemplar of an operation on the cells from `slot` on, if there is a source of traces,
/// if this thread is in a trace, and if what the places hold is older than a second.
pub(super) fn offer(slot: u32, operation: impl Operation) {
    if trace_source::is_set() {
        let now = coarse_ns();
        operation.events(|event| offer_event(slot, event, now));
    }
}

#[cold]
#[inline(never)]
fn offer_event(slot: u32, event: Event, now: u64) {
    let series = slot.saturating_add(event.series);
    // The place is looked at first: mostly its exemplar is new, and nothing is to be done.
    let known = store::known_exemplar_places(series, event.places);
    let place = known.and_then(|first| reach(first, event));
    if place.is_some_and(|place| !is_due(&place, age_of(now))) {
        return;
    }
    // It runs the user's code, and nothing is locked.
    let Some(context) = trace_source::current() else { return };
    // Meanwhile the row may have been removed. Its cells rest for longer than this before they
    // belong to another row, at which this trace would be shown.
    if coarse_ns().saturating_sub(now) < SECOND_NS {
        keep(slot, event, context);
    }
}

/// Keeps an exemplar that is given.
pub(crate) fn keep_of(slot: u32, operation: impl Operation, context: TraceContext) {
    if context.is_valid() {
        operation.events(|event| keep(slot, event, context));
    }
}

#[inline(never)]
fn keep(slot: u32, event: Event, context: TraceContext) {
    let series = slot.saturating_add(event.series);
    let Some(first) = store::exemplar_places(series, event.places) else { return };
    let Some(place) = reach(first, event) else { return };
    let now = monotonic_ns();
    let held = Held { value: event.value, when: steady_ns_at(now), context };
    write(&place, age_of(now), &held);
}

/// The cells of the event's place. `None` in a child that has no segment yet; it had nothing to
/// count then either.
fn reach(first: u32, event: Event) -> Option<Shared> {
    let place = event.place.min(event.places - 1);
    shard::shared(first.saturating_add(place * PLACE), PLACE - 1)
}
