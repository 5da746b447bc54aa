//! Combines rows that this process removed and that other processes still have.
//!
//! The counts of such rows stay in the sums, so their records and cells stay in the segment. A
//! series that comes and goes here again and again, while another process has it all the time,
//! would fill the segment: after 315,000 turns the process could register no series (seen). So when
//! the log is rewritten, the removed rows of one series are replaced by one row that holds their
//! sum. The new row has cells that the old log doesn't mention: a reader sees either log whole, and
//! so either the parts or their sum.

use std::sync::Arc;

use crate::declare::descriptor::Descriptor;
use crate::declare::registry::Spec;
use crate::model::cells::MAX_CELLS;
use crate::model::sorted::{SortedMap, SortedSet};
use crate::segment::records::{LogWriter, moved};
use crate::segment::shard;

use super::churn::{Gone, SeriesKey};
use super::rewrite_log::record_of;
use super::state::Store;

/// The rows that replace several rows of one series.
pub(super) struct Combined {
    parts: Vec<u32>,
    /// The values of the cells of each new row. There is more than one row if the sum of `f64`
    /// values has more digits than one `f64`.
    rows: Vec<Vec<u64>>,
}

/// Combined rows that have cells, and are not in a log yet.
pub(super) struct Placed {
    /// Their records in the new log.
    pub(super) records: Vec<u8>,
    pub(super) rows: Vec<(u32, Gone)>,
    /// The rows that they replace.
    pub(super) parts: SortedSet<u32>,
    /// The first slot behind all others.
    pub(super) end: u32,
}

/// The sum of one cell over all parts.
enum Total {
    Integer(u128),
    /// Numbers whose sum is exact, the greatest first. Each is less than a unit in the last place
    /// of the previous one, so they are few.
    Floats(Vec<f64>),
}

impl Total {
    fn add(&mut self, word: u64) {
        match self {
            Self::Integer(sum) => *sum = sum.wrapping_add(u128::from(word)),
            Self::Floats(parts) => add_exactly(parts, f64::from_bits(word)),
        }
    }
}

/// Adds a number that is finite and not negative.
fn add_exactly(parts: &mut Vec<f64>, mut number: f64) {
    for part in &mut *parts {
        (*part, number) = sum_and_rest(part.max(number), part.min(number));
    }
    if number > 0.0 {
        parts.push(number);
    }
}

/// The sum of two numbers, rounded down, and the remainder: `0 <= small <= large`. Together both
/// are exact. Rounding to nearest could leave a negative remainder, which no counter's cell may
/// hold.
fn sum_and_rest(large: f64, small: f64) -> (f64, f64) {
    let sum = large + small;
    // The number below it: it is positive.
    let is_above = sum - large > small;
    let sum = if is_above { f64::from_bits(sum.to_bits() - 1) } else { sum };
    (sum, small - (sum - large))
}

/// Whether the cell at this offset of a series holds `f64`.
fn is_float(d: &Descriptor, offset: u32) -> bool {
    d.kind.encoding().layout().float() == Some(offset)
}

impl Store {
    /// Combines those of these rows in which no thread counts any more.
    pub(super) fn combined(&mut self, held: &SortedSet<u32>) -> Vec<Combined> {
        let now = self.churn.now();
        let mut of_series = SortedMap::<Arc<SeriesKey>, Vec<u32>>::new();
        for (slot, gone) in self.churn.gone.iter() {
            if held.contains(slot) && gone.rested <= now {
                of_series.or_default(Arc::clone(&gone.key)).push(*slot);
            }
        }
        of_series.into_values().filter_map(|parts| self.sum_of(parts)).collect()
    }

    /// The sum of the rows of one series; `None` if it would take no fewer rows.
    fn sum_of(&self, mut parts: Vec<u32>) -> Option<Combined> {
        let memory = self.segment.memory.as_ref()?;
        let gone = self.churn.gone.get(parts.first()?)?;
        let Spec::Metric(d) = gone.site.spec() else { return None };
        if d.kind.is_native() {
            // Each has blocks of its own.
            return None;
        }
        let (cells, width) = (gone.cells, d.width());
        let each = |slot: u32, cell: u32| memory.cells(self.shards.used(), slot + cell);
        // A sum of numbers below zero, or of infinities, stays as it is.
        parts.retain(|slot| {
            (0..cells).filter(|cell| is_float(d, cell % width)).all(|cell| {
                each(*slot, cell).map(f64::from_bits).all(|n| n.is_finite() && n >= 0.0)
            })
        });
        let mut totals: Vec<Total> = (0..cells)
            .map(|cell| {
                let is_float = is_float(d, cell % width);
                if is_float { Total::Floats(Vec::new()) } else { Total::Integer(0) }
            })
            .collect();
        for slot in &parts {
            for (cell, total) in (0..cells).zip(&mut totals) {
                each(*slot, cell).for_each(|word| total.add(word));
            }
        }
        if d.kind.encoding().layout().has_carries() {
            // The second cell counts how often the first has passed 2^64.
            for series in totals.chunks_mut(width as usize) {
                if let [Total::Integer(sum), Total::Integer(carries), ..] = series {
                    *carries = carries.wrapping_add(*sum >> 64);
                }
            }
        }
        let floats = |total: &Total| match total {
            Total::Floats(floats) => floats.len(),
            Total::Integer(_) => 1,
        };
        let many = totals.iter().map(floats).max().unwrap_or(1).max(1);
        let is_finite = totals.iter().all(|total| match total {
            Total::Floats(floats) => floats.iter().all(|n| n.is_finite()),
            Total::Integer(_) => true,
        });
        if many >= parts.len() || !is_finite {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "cells count modulo 2^64")]
        let word = |row: usize, total: &Total| match total {
            Total::Integer(sum) if row == 0 => *sum as u64,
            Total::Integer(_) => 0,
            Total::Floats(floats) => floats.get(row).map_or(0, |n| n.to_bits()),
        };
        let rows = (0..many).map(|row| totals.iter().map(|total| word(row, total)).collect());
        Some(Combined { rows: rows.collect(), parts })
    }

    /// Takes cells for combined rows and fills them in. Rows for which there is no space are left
    /// as they are.
    pub(super) fn place(&mut self, combined: Vec<Combined>) -> Placed {
        let (mut records, mut placed) = (Vec::new(), Vec::new());
        let (mut replaced, mut end) = (SortedSet::new(), self.log.slots_used);
        for Combined { parts, rows } in combined {
            let gone = |slot: &u32| self.churn.gone.get(slot);
            let Some(like) = parts.first().and_then(gone) else { continue };
            let from = parts.iter().filter_map(gone).map(|gone| gone.from).min();
            let until = parts.iter().filter_map(gone).map(|gone| gone.until).max();
            let (from, until) = (from.unwrap_or(like.from), until.unwrap_or(like.until));
            let Some(record) = parts.first().and_then(|slot| record_of(&self.log.bytes, *slot))
            else {
                continue;
            };
            let (record, cells) = (record.to_vec(), like.cells);
            let (key, site, text) = (Arc::clone(&like.key), like.site, like.text);
            let mut taken = Vec::new();
            for row in &rows {
                let Some(slot) = self.cells_for(row, cells, &mut end) else { break };
                taken.push(slot);
            }
            if taken.len() < rows.len() {
                self.give_back(taken.into_iter().map(|slot| (slot, cells)));
                continue;
            }
            for slot in taken {
                records.extend(moved(&record, slot, from));
                LogWriter::new(&mut records).remove(slot, cells, until);
                let key = Arc::clone(&key);
                let gone = Gone { key, site, cells, text, from, until, rested: 0 };
                placed.push((slot, gone));
            }
            replaced.extend(parts);
        }
        Placed { records, rows: placed, parts: replaced, end }
    }

    /// Gives back cells that were taken and are in no log.
    pub(super) fn give_back(&mut self, taken: impl Iterator<Item = (u32, u32)>) {
        for (slot, cells) in taken {
            // Cells behind all others are assigned to the next row.
            if slot < self.log.slots_used {
                self.churn.give(slot, cells);
            }
        }
    }

    /// Cells in shard 0 that hold these values.
    fn cells_for(&mut self, row: &[u64], cells: u32, end: &mut u32) -> Option<u32> {
        let slot = if let Some(slot) = self.used_cells(cells) {
            slot
        } else {
            let slot = *end;
            *end = slot.checked_add(cells).filter(|end| *end < MAX_CELLS)?;
            slot
        };
        let memory = self.segment.memory.as_mut()?;
        memory.grow_shard(0, slot.checked_add(cells)?).ok()?;
        memory.fill(slot, row);
        shard::set_process(memory.shard(0));
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of(numbers: &[f64]) -> Vec<f64> {
        let mut parts = Vec::new();
        for n in numbers {
            add_exactly(&mut parts, *n);
        }
        parts
    }

    /// In units of 2^-70, which all numbers of these tests are multiples of.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers")]
    fn exact(numbers: &[f64]) -> u128 {
        numbers.iter().map(|n| (n * 2_f64.powi(70)) as u128).sum()
    }

    #[test]
    fn sums_are_exact_in_few_numbers() {
        for all in [
            vec![0.1; 10_000],
            vec![0.1, 0.2, 0.3, 1e3, 1e-3, 7.7, 1e9, 0.1 + 0.2],
            (1_u32..5_000).map(|n| 1.0 / f64::from(n)).collect(),
            (1_u32..5_000).rev().map(|n| f64::from(n).sqrt()).collect(),
        ] {
            let all: Vec<f64> =
                all.iter().map(|n| (n * 2_f64.powi(70)).trunc() / 2_f64.powi(70)).collect();
            let parts = sum_of(&all);
            assert_eq!(exact(&parts), exact(&all));
            assert!(parts.len() <= 4 && parts.iter().all(|n| *n >= 0.0), "{parts:?}");
        }
        assert_eq!(sum_of(&[0.0, 0.0]), [] as [f64; 0]);
        assert_eq!(sum_of(&[1.0, f64::EPSILON / 4.0]), [1.0, f64::EPSILON / 4.0]);
        assert_eq!(sum_of(&[f64::MAX, f64::MAX]), [f64::MAX, f64::MAX]);
    }
}
