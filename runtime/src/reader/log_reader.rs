//! Reads the logs of one scan, with what an earlier one has read.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Error;

use super::layout_cache::{ByLog, Layouts};
use super::segment::{LogId, SegmentLog};

/// What an earlier scan has read, and what never changes: a log as far as it was written.
#[derive(Debug, Default)]
pub(crate) struct KnownLogs {
    /// By segment.
    pub(crate) logs: HashMap<[u8; 16], Arc<SegmentLog>>,
    pub(crate) layouts: Arc<ByLog>,
}

/// The logs that one collection reads, beside those that an earlier one has.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) layouts: Layouts,
    /// For the cells of one shard after the other.
    pub(crate) buffer: Vec<u64>,
    earlier: Arc<KnownLogs>,
    forgotten: Option<[u8; 16]>,
}

impl Logs {
    pub(crate) fn after(earlier: Arc<KnownLogs>) -> Self {
        let layouts = Layouts::after(Arc::clone(&earlier.layouts));
        Self { layouts, buffer: Vec::new(), earlier, forgotten: None }
    }

    /// With so many bytes of text in labels at most.
    pub(crate) fn of_text(most: u64) -> Self {
        Self { layouts: Layouts::of_text(most), ..Self::default() }
    }

    /// Whether a log was read already.
    pub(crate) fn knows(&self, instance: [u8; 16], id: LogId) -> bool {
        self.earlier(instance).is_some_and(|log| log.id == id)
    }

    /// What was read of a segment's log before.
    pub(crate) fn earlier(&self, instance: [u8; 16]) -> Option<&Arc<SegmentLog>> {
        let is_whole = self.forgotten != Some(instance);
        self.earlier.logs.get(&instance).filter(|_| is_whole)
    }

    /// What was read of it before is of no use.
    pub(crate) fn forget(&mut self, instance: [u8; 16]) {
        self.forgotten = Some(instance);
    }

    /// It, if it was.
    pub(crate) fn known(
        &mut self,
        instance: [u8; 16],
        id: LogId,
        slots_used: u32,
    ) -> Result<Option<Arc<SegmentLog>>, Error> {
        let known = self.earlier(instance).filter(|log| log.id == id);
        let Some(log) = known.cloned() else { return Ok(None) };
        self.layouts.admit(&log.layout, slots_used)?;
        Ok(Some(log))
    }
}
