//! Removing series.
//!
//! A record in the log states when a series was removed. Other threads may be about to count in its
//! cells. The cells rest before they are given to another series, and a series that comes back gets
//! other cells. See `churn` and `rewrite_log`.

use crate::declare::registry::{Site, Spec, cells_of};
use crate::label::{self, RowSlot};
use crate::process::steady_ns;
use crate::segment::records::LogWriter;

use super::churn::{Gone, SeriesKey};
use super::guard::Guard;
use super::own_segment::Stage;
use super::rewrite_log;
use super::series::Registered;
use super::state::{State, Store};

/// Removes from this process all series of a family that have all these label values, and returns
/// how many there were.
///
/// `family` is the name on the page: of a family declared by `#[metric]` on a function, or by an
/// attribute with a `name`. Only series with open labels are removed. Series whose labels are all
/// closed (enums, `bool`) exist from the start, and stay.
///
/// Each process removes only its own series. What it has counted stays in the sum as long as
/// another process has the series, so that no counter falls. Once no process has it, the series is
/// gone; if it comes back, it starts at 0. A child that was forked while its parent had the series
/// has it too, from its first operation on. A removed gauge takes no part from that moment on.
///
/// A handle of a removed series counts nowhere, however long it is kept, and does no harm. Look the
/// series up again in its family to bring it back. Removing a series makes space under the family's
/// `max_series`, and its memory is used again: what a process holds is bounded by the series that
/// exist, however many come and go.
///
/// From time to time, once more than 1,000 series were removed, this call examines which series the
/// directory's other processes have, which takes as long as a collection. A process that removes
/// more than some hundred thousand series within a few seconds waits until their cells may be used
/// again.
///
/// # Examples
///
/// ```
/// use headcount::{Gauge, metric};
///
/// /// Jobs waiting.
/// #[metric(name = "waiting_jobs", mode = "livesum")]
/// fn waiting(tenant: &str, queue: &str) -> Gauge;
///
/// waiting("acme", "mail").set(3.0);
/// waiting("acme", "print").set(1.0);
/// waiting("other", "mail").set(2.0);
///
/// assert_eq!(headcount::remove_matching("waiting_jobs", &[("tenant", "acme")]), 2);
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(!text.contains("acme"));
/// assert!(text.contains("waiting_jobs{queue=\"mail\",tenant=\"other\"} 2\n"));
///
/// // One series, by its handle:
/// assert!(waiting("other", "mail").remove());
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn remove_matching(family: &str, labels: &[(&str, &str)]) -> usize {
    let Some(mut store) = locked() else { return 0 };
    let rows = store.rows_of(family, labels);
    let removed = if store.remove(&rows) { rows.len() } else { 0 };
    drop(store);
    rewrite_log::in_passing();
    removed
}

/// Removes a row; returns whether it still existed.
pub(crate) fn remove(row: &'static RowSlot) -> bool {
    let Some(mut store) = locked() else { return false };
    let slot = cells_of(row.load());
    let is_there = store.stop_waiting(slot)
        || store.churn.by_slot.contains_key(&slot) && store.remove(&[slot]);
    drop(store);
    rewrite_log::in_passing();
    is_there
}

/// Removes all rows of this site except the one at this slot.
pub(crate) fn remove_others(site: &'static Site, slot: u32) {
    let Some(mut store) = locked() else { return };
    let Spec::Metric(d) = site.spec() else { return };
    // All declarations of the family share its rows.
    let mut rows = store.rows_of(d.name, &[]);
    rows.retain(|row| *row != slot);
    store.remove(&rows);
    drop(store);
    rewrite_log::in_passing();
}

/// The store, with a log that can be written, if anything was recorded before the last fork.
fn locked() -> Option<Guard> {
    let store = Guard::settled()?;
    if store.state == State::Forked { store.made_live() } else { Some(store) }
}

impl Store {
    /// The slots of a family's rows that have all these label values. The search uses the leading
    /// labels that are given, so that it examines one row if all are given.
    pub(super) fn rows_of(&self, family: &str, labels: &[(&str, &str)]) -> Vec<u32> {
        let mut rows = Vec::new();
        for (id, (name, names)) in (0_u32..).zip(self.log.names()) {
            if *name != family {
                continue;
            }
            let given = |name: &String| {
                let of_it = labels.iter().find(|(known, _)| known == name);
                of_it.map(|(_, value)| (*value).to_owned())
            };
            let first: Vec<String> = names.iter().map_while(given).collect();
            let from = (id, first.clone());
            let known = self.series.by_key.from::<SeriesKey>(&from);
            let known = known.take_while(|(key, _)| key.0 == id && key.1.starts_with(&first));
            for (key, known) in known.filter(|(_, known)| known.row.is_some()) {
                let is_meant = labels.iter().all(|(name, value)| {
                    let mut given = names.iter().zip(&key.1);
                    given.any(|(known, given)| known == name && given == value)
                });
                if is_meant {
                    rows.push(known.slot);
                }
            }
        }
        rows
    }

    /// Nanoseconds since the log's epoch. Not before now by either clock: one that was set back
    /// would end the span before others' began.
    fn when(&self) -> Option<u64> {
        let epoch = self.segment.header.as_ref()?.log_epoch_ns;
        let lived = self.segment.lived_until_ns();
        Some(steady_ns().max(lived).saturating_sub(epoch).max(self.log.last_removed))
    }

    /// Removes the rows at these slots; `false` if the log can't record that.
    pub(super) fn remove(&mut self, slots: &[u32]) -> bool {
        let Some(when) = self.when().filter(|_| !slots.is_empty()) else { return false };
        let mut records = Vec::new();
        for slot in slots {
            let known = self.churn.by_slot.get(slot).and_then(|key| self.series.by_key.get(key));
            if let Some(known) = known {
                LogWriter::new(&mut records).remove(known.slot, known.cells, when);
            }
        }
        if let Err(refused) = self.append(&records, self.log.slots_used) {
            self.note_refusal(Stage::Series, refused);
            return false;
        }
        self.log.last_removed = when;
        for slot in slots {
            self.forget(*slot, when);
        }
        true
    }

    /// Drops the state of a row whose removal is in the log.
    fn forget(&mut self, slot: u32, when: u64) {
        let Some(key) = self.churn.by_slot.remove(&slot) else { return };
        self.churn.idle.remove(&slot);
        self.callbacks.forget((0, slot));
        let Some(known) = self.series.by_key.remove(&key) else { return };
        let Registered { cells, row: Some(row), .. } = known else { return };
        let rested = self.churn.rested();
        for (site, entry) in row.entries {
            label::ROWS.remove(entry);
            self.churn.arena.retire(entry, entry.key.len(), rested);
            // The row `_other` is not among the rows that are counted against `max_series`.
            if !self.series.remove_other(site, slot) {
                self.series.remove_row(site);
            }
            if !site.is_contradicted() {
                site.set_full(false);
            }
        }
        let (site, from, text) = (row.site, row.since, row.text);
        self.churn.gone_cells += u64::from(cells);
        self.churn.gone.insert(slot, Gone { key, site, cells, text, from, until: when, rested });
    }
}

#[cfg(all(test, not(feature = "off")))]
mod tests {
    use std::collections::BTreeMap;

    use crate::{Collector, Counter, Number, Value, metric};

    /// Two rows, and one for the rest.
    #[metric(name = "removed_rows_total", max_series = 2)]
    fn rows(id: &str) -> Counter;

    fn seen() -> BTreeMap<String, u64> {
        let snapshot = Collector::new().collect().unwrap();
        let family = snapshot.families().iter().find(|family| family.name == "removed_rows_total");
        let series = family.unwrap().series.iter();
        let one = |series: &crate::Series| match series.value {
            Value::Counter(Number::Integer(n)) => {
                (series.labels.iter().next().unwrap().1.to_owned(), n)
            }
            _ => panic!("{series:?}"),
        };
        series.map(one).collect()
    }

    fn rows_of(rows: &[(&str, u64)]) -> BTreeMap<String, u64> {
        rows.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect()
    }

    #[test]
    fn removing_the_row_of_the_rest_frees_no_space() {
        for id in ["a", "b", "c"] {
            rows(id).inc();
        }
        assert_eq!(seen(), rows_of(&[("_other", 1), ("a", 1), ("b", 1)]));
        assert!(rows("c").remove(), "it is the row of the rest");
        rows("d").inc_by(2);
        assert_eq!(seen(), rows_of(&[("_other", 2), ("a", 1), ("b", 1)]));
        // A removed row that was counted against the limit makes space for another one.
        assert!(rows("a").remove());
        rows("e").inc_by(3);
        rows("f").inc_by(4);
        // Values that had been counted in `_other` now get a row.
        rows("d").inc_by(5);
        assert_eq!(seen(), rows_of(&[("_other", 11), ("b", 1), ("e", 3)]));
    }
}
