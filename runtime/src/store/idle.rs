//! Finds the rows that were not touched for longer than their family's `idle_timeout`: their cells
//! have not changed, nor the blocks of their native histograms.

use std::time::Instant;

use crate::declare::registry::Spec;
use crate::model::cells::BLOCK;
use crate::model::kind::Kind;

use super::guard::Guard;
use super::rewrite_log;
use super::state::Store;

/// A row that is removed when it is not touched.
#[derive(Debug)]
pub(super) struct Idle {
    /// Seconds.
    timeout: u32,
    /// A digest of its cells and blocks when they were last looked at, and the time since which it
    /// is the same.
    seen: Option<(u64, Instant)>,
}

impl Idle {
    pub(super) fn new(timeout: u32) -> Self {
        Self { timeout, seen: None }
    }
}

/// The maximum number of rows examined while other threads wait for the mutex.
const AT_ONCE: usize = 256;
/// The maximum number of seconds between two looks; if an eighth of the shortest timeout is less,
/// that.
const SELDOM: u32 = 60;

/// Removes them now, if the program has any.
pub(crate) fn remove_idle_now() {
    let remove_idle = Guard::lock().and_then(|store| store.churn.remove_idle);
    if let Some(remove_idle) = remove_idle {
        remove_idle(false);
    }
}

/// Removes the rows that were not touched for too long, and returns after how many seconds to look
/// again.
pub(super) fn remove_idle() -> u32 {
    let mut from = 0;
    let mut shortest = SELDOM * 8;
    let mut has_removed = false;
    loop {
        let Some(mut store) = Guard::lock() else { break };
        if !store.is_live() {
            break;
        }
        let rows = store.churn.idle.from(&from).take(AT_ONCE);
        let rows: Vec<u32> = rows.map(|(slot, _)| *slot).collect();
        let Some(end) = rows.last() else { break };
        from = end.saturating_add(1);
        let mut idle = Vec::new();
        for slot in rows {
            let (is_idle, timeout) = store.look_at(slot);
            shortest = shortest.min(timeout);
            if is_idle {
                idle.push(slot);
            }
        }
        has_removed |= store.remove(&idle);
    }
    if has_removed {
        rewrite_log::in_passing();
    }
    (shortest / 8).max(1)
}

impl Store {
    /// Whether the row has been idle for too long, and its timeout in seconds.
    fn look_at(&mut self, slot: u32) -> (bool, u32) {
        let known = self.churn.by_slot.get(&slot).and_then(|key| self.series.by_key.get(key));
        let row = known.and_then(|known| Some((known.cells, known.row.as_ref()?.site)));
        let (Some((cells, site)), Some(memory)) = (row, &self.segment.memory) else {
            return (false, SELDOM);
        };
        let shards = self.shards.used();
        let (mut digest, sum) = memory.digest(shards, slot, cells);
        // A native histogram counts in blocks elsewhere. Of what it observes, its row has the sum
        // only, which stays the same if it is infinite, or so large that a value is nothing to it.
        for block in self.native.blocks_of(slot..slot.saturating_add(cells)) {
            digest = digest.wrapping_add(memory.digest(shards, block, BLOCK).0);
        }
        let Some(idle) = self.churn.idle.get_mut(&slot) else { return (false, SELDOM) };
        let timeout = idle.timeout;
        match idle.seen {
            Some((before, since)) if before == digest => {
                // Calls are in progress: their ends will touch the row.
                let is_busy = matches!(
                    site.spec(),
                    Spec::Metric(d) if matches!(d.kind, Kind::InProgress | Kind::OldestStart)
                );
                let is_over = since.elapsed().as_secs() >= u64::from(timeout);
                let stays = (is_busy && sum != 0) || self.callbacks.has((0, slot));
                (is_over && !stays, timeout)
            }
            _ => {
                idle.seen = Some((digest, Instant::now()));
                (false, timeout)
            }
        }
    }
}

#[cfg(all(test, not(feature = "off")))]
mod tests {
    use crate::{Histogram, metric};

    use super::*;

    /// Weights.
    #[metric(name = "idle_weights", native, idle_timeout = "1h")]
    fn weights(id: &str) -> Histogram;

    /// Sizes.
    #[metric(name = "idle_sizes", buckets = [1.0], idle_timeout = "1h")]
    fn sizes(id: &str) -> Histogram;

    /// What is seen of a row now.
    fn look_at(family: &str) -> u64 {
        let mut store = Guard::lock().unwrap();
        let rows = store.rows_of(family, &[]);
        let [row] = rows[..] else { panic!("{rows:?}") };
        assert!(!store.look_at(row).0);
        store.churn.idle.get(&row).unwrap().seen.unwrap().0
    }

    /// Whose sum is nothing.
    fn observe_both(row: Histogram) {
        row.observe(3.0);
        row.observe(-3.0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "the thread that removes idle rows does not end")]
    fn whatever_a_histogram_observes_its_row_is_not_idle() {
        for first in [0.5, f64::INFINITY, 1e300] {
            let handles = [("idle_weights", weights("a")), ("idle_sizes", sizes("a"))];
            for (family, row) in handles {
                row.observe(first);
                // The block of the next value has been used before, and nothing but it changes.
                observe_both(row);
                let before = look_at(family);
                assert_eq!(look_at(family), before, "{family} {first}: nobody touched it");
                observe_both(row);
                let behind = look_at(family);
                assert_ne!(behind, before, "{family} {first}");
                // In another thread's shard, or in that of the process.
                std::thread::scope(|scope| {
                    scope.spawn(|| observe_both(row));
                });
                assert_ne!(look_at(family), behind, "{family} {first}");
                assert!(row.remove());
            }
        }
    }
}
