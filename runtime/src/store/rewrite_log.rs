//! Rewrites the log without the removed rows.
//!
//! ```text
//! a row is removed    a record says when; its count stays in the sums of processes that had it
//! many are removed    which other processes have them? (asked without the mutex)
//!                     the log is rewritten elsewhere in the segment: without the rows that no
//!                     other process has, and with one row for those that others have of one
//!                     series (`combine`); storing one word makes it the current log
//!                     the cells rest, and are used again
//! ```
//!
//! A process that is killed leaves one log or the other. A reader that finds another log than the
//! one with which it began starts again.

use std::io;
use std::time::Duration;

use crate::declare::registry::Spec;
use crate::error::Error;
use crate::model::cells::BLOCK;
use crate::model::instance::InstanceId;
use crate::model::sorted::{SortedMap, SortedSet};
use crate::process::epoch;
use crate::scan::GoneRow;
use crate::segment::records::{EXEMPLARS, HEAD, NATIVE_BLOCK, REMOVE, SERIES};

use super::churn::Gone;
use super::combine::Placed;
use super::guard::Guard;
use super::log_copy::full;
use super::search::open_directory;
use super::state::{Store, THIS_PROCESS};

/// The minimum number of removed rows for which the log is rewritten.
const ENOUGH: usize = 1024;

/// What must be asked before the log is rewritten.
struct Question {
    /// Whether any other process may have any of the rows.
    is_shared: bool,
    instance: InstanceId,
    /// Rows whose counts are part of no sum.
    loose: Vec<u32>,
    rows: Vec<GoneRow>,
    mark: u32,
}

/// Rewrites the log if it is time to. If cells are given up faster than they can be used again,
/// waits. It holds the mutex only while it changes the segment, because the question to other
/// processes takes as long as a collection.
pub(super) fn in_passing() {
    let Some(question) = Guard::lock().and_then(|mut store| store.question()) else { return };
    let Question { is_shared, instance, loose, rows, mark } = question;
    let held = if is_shared { held(instance, &rows).ok() } else { Some(vec![false; rows.len()]) };
    if let Some(mut store) = Guard::lock() {
        // The log of a child that was forked meanwhile does not contain the rows.
        let is_ours = mark == epoch().wrapping_add(1).max(1);
        if is_ours && store.churn.rewriting == mark && store.is_live() {
            store.churn.rewriting = 0;
            let split = held.map(|held| {
                let all = rows.iter().map(|row| row.slot).zip(held);
                let (held, free): (Vec<_>, Vec<_>) = all.partition(|(_, held)| *held);
                let slots = |rows: Vec<(u32, bool)>| rows.into_iter().map(|(slot, _)| slot);
                (slots(free).chain(loose).collect(), slots(held).collect())
            });
            // If anything fails, it is tried again when there are more rows.
            if split.is_none_or(|(free, held)| store.leave_out(&free, &held).is_err()) {
                store.churn.held = store.churn.gone.len();
                store.churn.left = store.churn.held;
            }
        }
    }
    wait();
}

/// Waits for no longer than cells rest. Only a thread that removes waits; one that records never
/// does.
fn wait() {
    for _ in 0..500 {
        let is_short = Guard::lock().is_some_and(|mut store| store.is_short_of_cells());
        if !is_short {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Store {
    /// Whether it is time to ask which processes have the removed rows: once these outnumber the
    /// existing ones, so that the cost for each row does not depend on their number.
    pub(super) fn has_many_gone(&mut self) -> bool {
        let now = self.churn.now();
        let churn = &self.churn;
        // Rows that were left a moment ago are not examined again before they can be combined.
        let before = if now < churn.not_before { churn.left } else { churn.held };
        let cap = self.segment.slot_cap();
        let new = churn.gone.len().saturating_sub(before);
        let many = churn.gone.len() >= ENOUGH.max(churn.by_slot.len())
            || churn.gone_cells >= u64::from(cap / 16);
        many && new >= ENOUGH.min(churn.gone.len() / 2).max(before)
    }

    /// The question to ask, if it is time to.
    fn question(&mut self) -> Option<Question> {
        let mark = epoch().wrapping_add(1).max(1);
        if !self.is_live() || self.churn.rewriting == mark || !self.has_many_gone() {
            return None;
        }
        let header = self.segment.header.as_ref()?;
        let mut question = Question {
            is_shared: self.is_shared() || self.was_removed(),
            instance: header.instance,
            loose: Vec::new(),
            rows: Vec::new(),
            mark,
        };
        let at = |delta: u64| header.log_epoch_ns.saturating_add(delta);
        for (slot, gone) in self.churn.gone.iter() {
            if !is_sum(gone) {
                question.loose.push(*slot);
                continue;
            }
            let Some((family, names)) = self.log.names().get(gone.key.0 as usize) else { continue };
            let again = self.series.by_key.get(&gone.key).and_then(|known| known.row.as_ref());
            let from = at(gone.from).max(header.created_ns);
            let spans = core::iter::once((from, at(gone.until).max(from)));
            question.rows.push(GoneRow {
                slot: *slot,
                family,
                labels: names.iter().cloned().zip(gone.key.1.iter().cloned()).collect(),
                spans: spans.chain(again.map(|row| (at(row.since), u64::MAX))).collect(),
            });
        }
        self.churn.rewriting = mark;
        Some(question)
    }

    /// Whether half of all cells are resting.
    fn is_short_of_cells(&mut self) -> bool {
        let cap = self.segment.slot_cap();
        self.is_live() && self.churn.resting() > u64::from(cap / 2)
    }

    /// Rewrites the log. Rows that no other process has are left out, and the rows of one series
    /// that other processes have are replaced by one. The cells of all these rest from then on.
    pub(super) fn leave_out(
        &mut self,
        free: &SortedSet<u32>,
        held: &SortedSet<u32>,
    ) -> io::Result<()> {
        let combined = self.combined(held);
        let Placed { records, rows, parts, end } = self.place(combined);
        let out: SortedSet<u32> = free.iter().chain(parts.iter()).copied().collect();
        let (mut log, _) = without(&self.log.bytes, &out);
        log.extend_from_slice(&records);
        let memory = self.segment.memory.as_mut().ok_or_else(full);
        if let Err(refused) = memory.and_then(|memory| self.log.replace(memory, log, end)) {
            self.give_back(rows.iter().map(|(slot, gone)| (*slot, gone.cells)));
            return Err(refused);
        }
        self.rest(&out);
        for (slot, gone) in rows {
            self.log.text = self.log.text.saturating_add(gone.text);
            self.churn.gone_cells += u64::from(gone.cells);
            self.churn.gone.insert(slot, gone);
        }
        let now = self.churn.now();
        let has_rested = |gone: &&Gone| gone.rested <= now;
        self.churn.held = self.churn.gone.values().filter(has_rested).count();
        self.churn.left = self.churn.gone.len();
        self.churn.not_before = self.churn.rested();
        Ok(())
    }

    /// Drops all removed rows, in a process whose segment is still to be made.
    pub(super) fn leave_out_gone(&mut self) {
        if self.churn.gone.is_empty() {
            return;
        }
        let rows = self.churn.gone.keys().copied().collect();
        let (log, end) = without(&self.log.bytes, &rows);
        self.rest(&rows);
        (self.churn.held, self.churn.left) = (0, 0);
        (self.log.bytes, self.log.slots_used) = (log, end);
        self.churn.cut(end);
    }

    fn rest(&mut self, rows: &SortedSet<u32>) {
        for slot in rows.iter() {
            if let Some(gone) = self.churn.gone.remove(slot) {
                self.log.text = self.log.text.saturating_sub(gone.text);
                self.churn.gone_cells -= u64::from(gone.cells);
                self.churn.rest(*slot, gone.cells);
                let row = *slot..slot.saturating_add(gone.cells);
                for block in self.native.forget(row.clone()) {
                    self.churn.rest(block, BLOCK);
                }
                for (places, cells) in self.exemplars.forget(row) {
                    self.churn.rest(places, cells);
                }
            }
        }
    }
}

/// Whether the counts may stay in a sum: a removed gauge takes no part in any.
fn is_sum(gone: &Gone) -> bool {
    let Spec::Metric(d) = gone.site.spec() else { return false };
    !d.kind.encoding().layout().is_gauge()
}

/// The records of a log: the kind, the slot and the bytes of each.
fn records(mut log: &[u8]) -> impl Iterator<Item = (u8, u32, &[u8])> {
    core::iter::from_fn(move || {
        let head = log.first_chunk::<HEAD>()?;
        let word = |at: usize| {
            let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_le_bytes)
        };
        let (len, kind, slot) = (word(0) as usize, head[4], word(8));
        let (record, behind) = log.split_at_checked(len.max(HEAD))?;
        log = behind;
        Some((kind, slot, record))
    })
}

/// The record of the series at this slot.
pub(super) fn record_of(log: &[u8], slot: u32) -> Option<&[u8]> {
    let mut series = records(log).filter(|(kind, ..)| *kind == SERIES);
    series.find(|(_, at, _)| *at == slot).map(|(.., record)| record)
}

/// A log without the series at these slots and without the records of their removal, and the first
/// slot behind all others.
fn without(log: &[u8], rows: &SortedSet<u32>) -> (Vec<u8>, u32) {
    let (mut kept, mut end) = (Vec::with_capacity(log.len()), 1);
    // The cells of the rows that are left out.
    let mut out = SortedMap::<u32, u32>::new();
    for (kind, slot, record) in records(log) {
        let word = |at: usize| {
            let bytes = record.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_le_bytes)
        };
        let behind = match kind {
            // The family is followed by the number of cells of a series and the number of series.
            SERIES => slot.saturating_add(word(HEAD + 4).saturating_mul(word(HEAD + 8))),
            NATIVE_BLOCK => slot.saturating_add(BLOCK),
            EXEMPLARS => slot.saturating_add(word(HEAD + 4)),
            _ => 0,
        };
        let is_out = match kind {
            SERIES | REMOVE => rows.contains(&slot),
            // They name their series, which is one of those of a row, and come behind it.
            NATIVE_BLOCK | EXEMPLARS => {
                let series = word(HEAD);
                out.last_up_to(&series).is_some_and(|(_, end)| series < *end)
            }
            _ => false,
        };
        if !is_out {
            kept.extend_from_slice(record);
            end = end.max(behind);
        } else if kind == SERIES {
            out.insert(slot, behind);
        }
    }
    kept.shrink_to_fit();
    (kept, end)
}

/// For each of these rows, whether another process in the directory has it, or had it while it
/// existed, so that its counts are still in a sum. `own` is this process's segment.
fn held(own: InstanceId, rows: &[GoneRow]) -> Result<Vec<bool>, Error> {
    match open_directory()? {
        Some(directory) => crate::scan::held(&directory, own, rows, THIS_PROCESS),
        None => Ok(vec![false; rows.len()]),
    }
}
