//! Finds the rows that were not touched for longer than their family's `idle_timeout`: their cells
//! have not changed.

use std::time::Instant;

use crate::declare::registry::Spec;
use crate::model::kind::Kind;

use super::guard::Guard;
use super::rewrite_log;
use super::state::Store;

/// A row that is removed when it is not touched.
#[derive(Debug)]
pub(super) struct Idle {
    /// Seconds.
    timeout: u32,
    /// A digest of its cells when they were last looked at, and the time since which it is the
    /// same.
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
        let (digest, sum) = memory.digest(self.shards.used(), slot, cells);
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
