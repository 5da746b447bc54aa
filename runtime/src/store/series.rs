//! The series that are registered, by name, and how many rows each site has.

use core::ops::Range;
use std::sync::Arc;

use crate::declare::registry::Site;
use crate::model::sorted::{SortedMap, SortedSet};

use super::churn::{RowOf, SeriesKey};

/// The cells of a series.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) slot: u32,
    /// The cells of all series with these labels: one series for each outcome or state.
    pub(super) cells: u32,
    /// Further state if its labels are open: only such a series can be removed.
    pub(super) row: Option<RowOf>,
}

#[derive(Debug)]
pub(super) struct SeriesIndex {
    /// Each series of a named family: two sites that declare the same series share its cells.
    pub(super) by_key: SortedMap<Arc<SeriesKey>, Registered>,
    /// The number of rows of each site with open labels.
    rows: SortedMap<usize, u32>,
    /// The rows `_other`, by site and slot; `rows` does not count them.
    others: SortedSet<(usize, u32)>,
    /// The cells that belong to one declaration for ever: of closed labels, or of a function. In
    /// ascending order; neighbours are joined, so they are few.
    closed: Vec<Range<u32>>,
}

impl SeriesIndex {
    pub(super) const fn new() -> Self {
        Self {
            by_key: SortedMap::new(),
            rows: SortedMap::new(),
            others: SortedSet::new(),
            closed: Vec::new(),
        }
    }

    /// These cells, behind all others, belong to no row.
    pub(super) fn add_closed(&mut self, cells: Range<u32>) {
        match self.closed.last_mut() {
            Some(last) if last.end == cells.start => last.end = cells.end,
            _ => self.closed.push(cells),
        }
    }

    /// Whether this is a cell of a series that is never removed.
    pub(super) fn is_closed(&self, slot: u32) -> bool {
        let behind = self.closed.partition_point(|cells| cells.start <= slot);
        let cells = behind.checked_sub(1).and_then(|at| self.closed.get(at));
        cells.is_some_and(|cells| slot < cells.end)
    }

    /// The number of rows of this site that count against `max_series`.
    pub(super) fn rows_of(&self, site: &'static Site) -> u32 {
        self.rows.get(&site.address()).copied().unwrap_or(0)
    }

    pub(super) fn add_row(&mut self, site: &'static Site) {
        *self.rows.or_default(site.address()) += 1;
    }

    pub(super) fn remove_row(&mut self, site: &'static Site) {
        if let Some(rows) = self.rows.get_mut(&site.address()) {
            *rows = rows.saturating_sub(1);
        }
    }

    /// The row at this slot is the site's row `_other`.
    pub(super) fn add_other(&mut self, site: &'static Site, slot: u32) {
        self.others.insert((site.address(), slot));
    }

    /// Removes the row `_other`, if the row at this slot is that.
    pub(super) fn remove_other(&mut self, site: &'static Site, slot: u32) -> bool {
        self.others.remove(&(site.address(), slot))
    }
}
