//! Taking series away again.
//!
//! A slot is never given to another series: other threads may be about to count in it. So what was removed keeps its cells, the log
//! says since when they mean nothing, and a series that comes back gets others.

use std::collections::BTreeSet;

use crate::label;
use crate::process::now_ns;
use crate::registry::{self, Site, Spec};
use crate::segment::log::LogWriter;

use super::fork::Guard;
use super::state::{Known, State, Store};

/// Removes the series of this family that have all these label values from this process, and says how many there were.
///
/// The family is named as it is exposed: one that was declared by `#[metric]` on a function, or by an attribute with a `name`. Only series whose labels
/// are open go: those of closed labels (an enum's, `bool`) are all there from the start, and stay.
///
/// Each process removes its own. What it has counted stays in the sum for as long as another process has the series, so that no counter
/// falls; once none has it, it is gone. A child that was forked while its parent had the series has it too, from its first operation on. If it comes back, it starts at 0. A removed gauge takes no part from that moment.
///
/// Handles to a removed series count nowhere, and no harm is done; ask the family for it again, and it is back. A removed series makes room under the
/// family's `max_series`, but its cells, 8 bytes and more, are not used again while the process lives: removing is for what is
/// gone for good (a tenant, a queue), not for what comes and goes every second.
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
    locked().map_or(0, |mut store| {
        store.remove(|names, values, _| {
            names.0 == family
                && labels.iter().all(|(name, value)| {
                    let mut given = names.1.iter().zip(values);
                    given.any(|(known, given)| known == name && given == value)
                })
        })
    })
}

/// Removes all series of a family with open labels from this process, and says how many there were: see [`remove_matching`].
pub fn clear(family: &str) -> usize {
    remove_matching(family, &[])
}

/// Removes the series at this slot, if it is a row.
pub(crate) fn remove(slot: u32) -> bool {
    locked().is_some_and(|mut store| store.remove(|_, _, known| known.slot == slot) > 0)
}

/// Removes all rows of this site but the one at this slot.
pub(crate) fn remove_others(site: &'static Site, slot: u32) {
    if let Some(mut store) = locked() {
        let Spec::Metric(d) = site.spec() else { return };
        // Whichever of the family's declarations said it.
        store.remove(|names, _, known| names.0 == d.name && known.slot != slot);
    }
}

/// The store, with a log that can be written, if anything was recorded before the last fork.
fn locked() -> Option<Guard> {
    let store = Guard::settled()?;
    if store.state == State::Forked { store.made_live() } else { Some(store) }
}

impl Store {
    fn remove(
        &mut self,
        is_meant: impl Fn(&(&'static str, Vec<String>), &[String], &Known) -> bool,
    ) -> usize {
        let Some(epoch) = self.header.as_ref().map(|header| header.log_epoch_ns) else { return 0 };
        // Not before now by either clock: one that was set back would end the span before others' began.
        let lived = self.made.map_or(0, |(at, made)| {
            made.saturating_add(u64::try_from(at.elapsed().as_nanos()).unwrap_or(0))
        });
        let when = now_ns().max(lived).saturating_sub(epoch).max(self.last_removed);
        let mut records = Vec::new();
        let mut meant = Vec::new();
        for (key, known) in &self.series {
            let Some(names) = self.names.get(key.0 as usize) else { continue };
            if known.row.is_some() && is_meant(names, &key.1, known) {
                LogWriter::new(&mut records).remove(known.slot, known.cells, when);
                meant.push(key.clone());
            }
        }
        if meant.is_empty() {
            return 0;
        }
        if let Err(refused) = self.append(&records, self.slots_used) {
            self.note_refusal(3, refused);
            return 0;
        }
        self.last_removed = when;
        let mut slots = Vec::new();
        for key in &meant {
            let Some(known) = self.series.remove(key) else { continue };
            slots.push(known.slot);
        }
        slots.sort_unstable();
        let (rows, others, mut sites) = (&mut self.rows, &mut self.others, BTreeSet::new());
        label::ROWS.forget(
            |slot| slots.binary_search(&slot).is_ok(),
            |row, slot| {
                // The row of all that were too many is none of those that are counted.
                if !others.remove(&(row.site(), slot)) {
                    if let Some(rows) = rows.get_mut(&row.site()) {
                        *rows = rows.saturating_sub(1);
                    }
                }
                sites.insert(row.site());
            },
        );
        for site in registry::sites().filter(|site| sites.contains(&site.address())) {
            if !site.is_contradicted() {
                site.set_full(false);
            }
        }
        meant.len()
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
    fn the_row_of_the_rest_makes_no_room_when_it_is_removed() {
        for id in ["a", "b", "c"] {
            rows(id).inc();
        }
        assert_eq!(seen(), rows_of(&[("_other", 1), ("a", 1), ("b", 1)]));
        assert!(rows("c").remove(), "it is the row of the rest");
        rows("d").inc_by(2);
        assert_eq!(seen(), rows_of(&[("_other", 2), ("a", 1), ("b", 1)]));
        // One that was counted does.
        assert!(rows("a").remove());
        rows("e").inc_by(3);
        rows("f").inc_by(4);
        // What had gone to the rest has its place there.
        rows("d").inc_by(5);
        assert_eq!(seen(), rows_of(&[("_other", 11), ("b", 1), ("e", 3)]));
    }
}
