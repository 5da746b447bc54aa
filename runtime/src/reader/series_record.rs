//! Parses a SERIES record, which stands for many series.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::error::Error;
use crate::model::cells::MAX_CELLS;
use crate::model::cold_sort::sort_by;
use crate::model::text::MAX_LABEL_VALUE_LEN;
use crate::segment::format::Fields;

use super::family::LogFamily;
use super::layout::{Label, Layout, LogSeries, NO_FLOAT};
use super::parse::LABEL_COST;

/// A SERIES record: one series for each combination of its labels' values. One value of this type
/// is reused for all records: a log consists mostly of records of one series each, and allocating
/// vectors for each would cost more than parsing it.
#[derive(Debug, Default)]
pub(crate) struct SeriesRecord<'a> {
    family: usize,
    width: u32,
    slot: u32,
    count: u64,
    sets: Vec<Set>,
    /// The values of all labels, one label after the other.
    values: Vec<&'a str>,
    /// The same values, as positions in the layout's text.
    placed: Vec<Label>,
}

/// The values of one label.
#[derive(Debug)]
struct Set {
    /// The index of the name among the family's labels.
    name: u16,
    /// The index of its first value in `values`.
    from: usize,
    len: usize,
    /// The number of consecutive series that have the same value.
    stride: u64,
}

impl<'a> SeriesRecord<'a> {
    /// Reads a record. Returns `false` if its family is left out, and so the series too.
    pub(crate) fn read(
        &mut self,
        f: &mut Fields<'a>,
        slot: u32,
        slots_used: u32,
        families: &[LogFamily],
    ) -> Result<bool, Error> {
        let id = f.u32()? as usize;
        let family = families.get(id).ok_or_else(|| Error::corrupt("a series of no family"))?;
        if !family.is_read() {
            return Ok(false);
        }
        let (width, count) = (f.u32()?, u64::from(f.u32()?));
        if width != family.width {
            return Err(Error::corrupt("a series' width"));
        }
        f.u64()?; // created
        let end = u64::from(slot).saturating_add(count.saturating_mul(u64::from(width)));
        if slot == 0 || slot >= MAX_CELLS || end > u64::from(slots_used) {
            return Err(Error::corrupt("a series outside the slots in use"));
        }
        self.sets.clear();
        self.values.clear();
        for (name, _) in (0..).zip(&family.labels) {
            let (from, len) = (self.values.len(), usize::from(f.u16()?));
            for _ in 0..len {
                self.values.push(f.string()?);
            }
            self.sets.push(Set { name, from, len, stride: 1 });
        }
        // The last label varies fastest.
        let mut product = Some(1_u64);
        for set in self.sets.iter_mut().rev() {
            set.stride = product.unwrap_or(1);
            product = product.and_then(|product| product.checked_mul(set.len as u64));
        }
        if product != Some(count) {
            return Err(Error::corrupt("the number of a record's series"));
        }
        if self.values.iter().any(|value| value.len() > MAX_LABEL_VALUE_LEN) {
            return Err(Error::corrupt("a label value of more than 1,024 bytes"));
        }
        (self.family, self.width, self.slot, self.count) = (id, width, slot, count);
        Ok(true)
    }

    pub(crate) fn cells(&self) -> u64 {
        self.count.saturating_mul(u64::from(self.width))
    }

    pub(crate) fn end(&self) -> u32 {
        // `read` has checked that it fits into the slots in use.
        let cells = u32::try_from(self.cells()).unwrap_or(u32::MAX);
        self.slot.saturating_add(cells)
    }

    /// The most bytes that an exposition of these series has in labels.
    pub(crate) fn text(&self, families: &[LogFamily]) -> u64 {
        let family = families.get(self.family);
        let line = self.sets.iter().fold(LABEL_COST, |line, set| {
            let name = family.and_then(|family| family.labels.get(usize::from(set.name)));
            let values = self.values.iter().skip(set.from).take(set.len);
            let longest = values.map(|value| value.len()).max().unwrap_or(0);
            let bytes = (name.map_or(0, String::len) as u64).saturating_add(longest as u64);
            line.saturating_add(LABEL_COST).saturating_add(bytes)
        });
        line.saturating_mul(self.cells())
    }

    /// Adds the series to the layout.
    pub(crate) fn multiply(&mut self, record: u32, layout: &mut Layout) {
        let states = self.sets.last().map_or(1, |set| set.len as u64).max(1);
        if let Some(family) = layout.families.get(self.family) {
            let name = |set: &Set| family.labels.get(usize::from(set.name));
            sort_by(&mut self.sets, |a, b| name(a).cmp(&name(b)));
        }
        // Each value is stored once for all series that have it, so there is less text than bytes
        // in the log.
        self.placed.clear();
        for value in &self.values {
            let at = u32::try_from(layout.text.len()).unwrap_or(u32::MAX);
            let len = u16::try_from(value.len()).unwrap_or(0);
            self.placed.push(Label { name: 0, len, at });
            layout.text.push_str(value);
        }
        let mut at = self.slot;
        let mut first = at;
        for index in 0..self.count {
            if index.checked_rem(states) == Some(0) {
                first = at;
            }
            let from = layout.labels.len();
            for set in &self.sets {
                let which = index.checked_div(set.stride).unwrap_or(0);
                let which = which.checked_rem(set.len as u64).unwrap_or(0);
                let which = usize::try_from(which).unwrap_or(0);
                match self.placed.get(set.from.saturating_add(which)) {
                    Some(label) if label.len > 0 => {
                        layout.labels.push(Label { name: set.name, ..*label });
                    }
                    _ => {}
                }
            }
            // Each series is charged at least 64 bytes of a limited text, so there are at most some
            // millions.
            let place = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            layout.series.push(LogSeries {
                family: place(self.family),
                slot: at,
                states: (first, u32::try_from(states).unwrap_or(u32::MAX)),
                labels: place(from)..place(layout.labels.len()),
                record,
                float: NO_FLOAT,
            });
            at = at.saturating_add(self.width);
        }
    }
}
