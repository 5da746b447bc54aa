//! What a collection leaves for the next one: what it read that doesn't change. Without it a collection yields the same, and takes longer.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};

use crate::error::Error;

use super::decode::SegmentLog;
use super::layout::{ByChecksum, Layouts};
use super::scan::Scan;

/// A segment and how long its log was: what that says is the same for ever.
type LogId = ([u8; 16], u64);

/// What one collection has read.
#[derive(Debug, Default)]
pub(super) struct Kept {
    logs: HashMap<LogId, Arc<SegmentLog>>,
    layouts: Arc<ByChecksum>,
}

impl Kept {
    pub(super) fn of(scan: Scan) -> Self {
        let logs = scan
            .parts
            .into_iter()
            .map(|part| ((part.segment.header.instance, part.segment.log.used), part.segment.log));
        Self { logs: logs.collect(), layouts: Arc::new(scan.logs.layouts.into_known()) }
    }
}

/// The logs that one collection reads, beside those that an earlier one has.
#[derive(Debug, Default)]
pub(super) struct Logs {
    pub(super) layouts: Layouts,
    earlier: Arc<Kept>,
}

impl Logs {
    pub(super) fn after(earlier: Arc<Kept>) -> Self {
        Self { layouts: Layouts::after(Arc::clone(&earlier.layouts)), earlier }
    }

    /// With so many bytes of text in labels at most.
    pub(super) fn of_text(most: u64) -> Self {
        Self { layouts: Layouts::of_text(most), ..Self::default() }
    }

    /// A log that was read already.
    pub(super) fn known(
        &mut self,
        instance: [u8; 16],
        used: u64,
        slots_used: u32,
    ) -> Result<Option<Arc<SegmentLog>>, Error> {
        let Some(log) = self.earlier.logs.get(&(instance, used)) else { return Ok(None) };
        self.layouts.admit(&log.layout, slots_used)?;
        Ok(Some(Arc::clone(log)))
    }
}

/// Where a collector and its clones keep it.
#[derive(Clone, Default)]
pub(super) struct Keeper(Arc<Mutex<Arc<Kept>>>);

impl Keeper {
    /// That of all collectors of the directory in which this process counts: who makes one for each request has one all the same.
    pub(super) fn of_process() -> Self {
        static OF_PROCESS: LazyLock<Keeper> = LazyLock::new(Keeper::default);
        OF_PROCESS.clone()
    }

    /// What was kept last. Nobody waits for it: a thread that held the lock may have been left behind by a fork.
    pub(super) fn kept(&self) -> Arc<Kept> {
        self.0.try_lock().map(|kept| Arc::clone(&kept)).unwrap_or_default()
    }

    pub(super) fn keep(&self, kept: Kept) {
        if let Ok(mut place) = self.0.try_lock() {
            *place = Arc::new(kept);
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}
