//! Reads the logs of one scan, and reuses what an earlier scan has read.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Error;
use crate::model::instance::InstanceId;

use super::layout_cache::{ByLog, Layouts};
use super::segment::{LogId, SegmentLog};

/// What an earlier scan has read and what never changes: logs, up to the length that was read.
#[derive(Debug, Default)]
pub(crate) struct KnownLogs {
    /// By instance.
    pub(crate) logs: HashMap<InstanceId, Arc<SegmentLog>>,
    pub(crate) layouts: Arc<ByLog>,
}

/// Reads the logs of one collection, and knows those that an earlier collection has read.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) layouts: Layouts,
    /// A buffer for the cells of one shard, reused for each shard.
    pub(crate) buffer: Vec<u64>,
    earlier: Arc<KnownLogs>,
    forgotten: Option<InstanceId>,
}

impl Logs {
    pub(crate) fn after(earlier: Arc<KnownLogs>) -> Self {
        let layouts = Layouts::after(Arc::clone(&earlier.layouts));
        Self { layouts, buffer: Vec::new(), earlier, forgotten: None }
    }

    /// With a limit for the bytes of text in labels.
    pub(crate) fn of_text(most: u64) -> Self {
        Self { layouts: Layouts::of_text(most), ..Self::default() }
    }

    /// Whether this log was read at an earlier collection, with the same length.
    pub(crate) fn knows(&self, instance: InstanceId, id: LogId) -> bool {
        self.earlier(instance).is_some_and(|log| log.id == id)
    }

    /// The part of a segment's log that an earlier collection has read.
    pub(crate) fn earlier(&self, instance: InstanceId) -> Option<&Arc<SegmentLog>> {
        let is_whole = self.forgotten != Some(instance);
        self.earlier.logs.get(&instance).filter(|_| is_whole)
    }

    /// Ignores the part of this segment's log that was read earlier.
    pub(crate) fn forget(&mut self, instance: InstanceId) {
        self.forgotten = Some(instance);
    }

    /// The log, if it was read at an earlier collection.
    pub(crate) fn known(
        &mut self,
        instance: InstanceId,
        id: LogId,
        slots_used: u32,
    ) -> Result<Option<Arc<SegmentLog>>, Error> {
        let known = self.earlier(instance).filter(|log| log.id == id);
        let Some(log) = known.cloned() else { return Ok(None) };
        self.layouts.admit(&log.layout, slots_used)?;
        Ok(Some(log))
    }
}
