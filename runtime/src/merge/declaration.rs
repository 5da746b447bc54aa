//! One declaration of a family while its series are added up, and what cells of series say. Pure.

use std::rc::Rc;

use crate::model::GaugeMode;
use crate::model::cells::{CALLS_IN_PLACE, CellLayout, GaugeCell, PLACES, START_SHIFT, decode};
use crate::reader::counted::Counted;
use crate::reader::family::LogFamily;
use crate::reader::layout::LogSeries;
use crate::reader::segment::Segment;

use super::columns::Columns;
use super::declared::DeclaredIn;
use super::part::Part;
use super::plan::Entry;
use super::spans::Spans;
use super::sums::{Bounds, Sum};

/// One declaration of the family, with its series.
pub(super) struct Declaration<'a> {
    pub(super) family: &'a LogFamily,
    pub(super) bounds: Rc<Bounds>,
    pub(super) source: DeclaredIn<'a>,
}

impl<'a> Declaration<'a> {
    /// Adds its part of these series to the columns, if it has the shape for that.
    pub(super) fn add_plain(&self, entries: &[Entry], columns: &mut Columns) -> bool {
        let DeclaredIn::Log { log, .. } = self.source else { return false };
        let layout = self.family.encoding.layout();
        let has_exemplars = layout.has_exemplars() && log.has_exemplars();
        !has_exemplars && self.bounds.are_shown && columns.add(layout, log, entries)
    }

    /// The numbers of its series.
    pub(super) fn series(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (some, all) = match self.source {
            DeclaredIn::Log { log, id, .. } => {
                (log.layout.by_family.get(id).map_or(&[][..], |s| s.as_slice()), 0)
            }
            DeclaredIn::Archive { archived, .. } => (&[][..], archived.series.len()),
        };
        some.iter().copied().chain(0..u32::try_from(all).unwrap_or(u32::MAX))
    }

    /// Adds the cells of a series that is not a gauge.
    pub(super) fn add_cells(
        &self,
        series: &LogSeries,
        span: (u64, u64),
        counted: &impl Counted,
        spans: &mut Spans,
    ) {
        let Self { family, bounds, .. } = self;
        let layout = family.encoding.layout();
        match spans.at(span, None, || Sum::of(layout)) {
            Sum::Counter(sum) if layout.float().is_some() => {
                counted.add_floats(series, family.kind(), sum.parts.get_or_insert_default());
            }
            Sum::Counter(sum) => sum.whole = sum.whole.wrapping_add(counted.sum(series.slot, 0).0),
            Sum::Histogram(sum) => sum.add_cells(counted, family, series, bounds),
            // All parts of a family have the same kind.
            Sum::Gauge(_) => {}
        }
    }
}

/// When a process set a gauge, where the mode needs it, and its value; `None` if it was never set.
pub(super) fn value_of(
    part: &Part,
    declared: &LogFamily,
    series: &LogSeries,
) -> Option<(u64, f64)> {
    let (segment, slot) = (&part.segment, series.slot);
    let CellLayout::Gauge(cell) = declared.encoding.layout() else { return None };
    match cell {
        GaugeCell::Present => Some((0, 1.0)),
        GaugeCell::State => {
            // Before the first one was entered, none holds.
            let holds = part.holding_state(series.states)?;
            let value = if holds.slot == slot { 1.0 } else { 0.0 };
            Some((segment.times.at(holds.when), value))
        }
        // Negative only if the end of a call was read, but not yet its beginning.
        #[expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "FORMAT.md")]
        GaugeCell::Running => Some((0, (segment.sum(slot, 0).0 as i64).max(0) as f64)),
        GaugeCell::Started => first_start(segment, slot).map(|start| (0, start)),
        GaugeCell::Value if declared.mode.is_some_and(GaugeMode::is_recent) => segment.recent(slot),
        GaugeCell::Value => decode(segment.process_cell(slot)).map(|value| (0, value)),
    }
}

/// When the oldest of a process's calls in progress began, in seconds since 1970; `None` if there
/// is none. Each cell has the time in milliseconds, and a number of calls.
#[expect(clippy::cast_precision_loss, reason = "microseconds are left")]
fn first_start(segment: &Segment, slot: u32) -> Option<f64> {
    let places = (slot..).take(PLACES as usize).map(|place| segment.process_cell(place));
    let starts = places.filter(|place| place & CALLS_IN_PLACE > 0);
    let first = starts.map(|place| place >> START_SHIFT).min()?;
    Some(segment.times.at(first.saturating_mul(1_000_000)) as f64 / 1e9)
}
