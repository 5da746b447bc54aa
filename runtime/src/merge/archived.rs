//! The counts of dead processes, as merging produces them and reads them again.

use std::sync::Arc;

use crate::model::LabelSet;
use crate::model::cells::MAX_BOUNDS;
use crate::model::instance::{Age, InstanceId};
use crate::model::sorted::SortedSet;
use crate::model::text::{MAX_LABEL_VALUE_LEN, MAX_LABELS};
use crate::reader::family::LogFamily;
use crate::reader::segment::ENDLESS;
use crate::reader::times::{Clock, TimeBase};

use super::spans::Spans;
use super::sums::{GaugeSum, Sum};

/// The content of the archive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Archive {
    /// Increases by one with each compaction; 0 is no archive.
    pub(crate) generation: u64,
    /// The number of segments that were ever compacted.
    pub(crate) segments: u64,
    pub(crate) dropped_operations: u64,
    pub(crate) cut_label_values: u64,
    /// The time base of its times.
    pub(crate) base: TimeBase,
    pub(crate) tombstones: Vec<Tombstone>,
    /// One entry for each way in which a family was declared. Sums of different buckets cannot be
    /// separated again, so they are kept apart.
    pub(crate) families: Vec<Arc<ArchivedFamily>>,
}

/// A segment that is in the archive, and whose file may still exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) instance: InstanceId,
    /// The last generation whose compactor found the file. The age counts from here and not from
    /// the compaction: as long as the file existed, a collector may have listed it.
    pub(crate) last_seen: u64,
}

/// A family of dead processes.
#[derive(Debug, Clone)]
pub(crate) struct ArchivedFamily {
    /// Its labels are sorted.
    pub(crate) family: LogFamily,
    pub(crate) newest: Age,
    /// The number of segments that declared it in this way.
    pub(crate) segments: u64,
    pub(crate) series: Vec<ArchivedSeries>,
}

#[derive(Debug, Clone)]
pub(crate) struct ArchivedSeries {
    pub(crate) labels: LabelSet,
    pub(crate) spans: Spans,
    /// When something was last added, in nanoseconds since 1970.
    pub(crate) touched: u64,
}

impl ArchivedFamily {
    /// Whether an archive may have it together with these parts of the same family: the numbers of
    /// labels and of bounds, and the lengths of label values, have limits there.
    pub(crate) fn fits_with(&self, others: &[&Self]) -> bool {
        let labels = others.iter().chain([&self]).flat_map(|one| &one.family.labels);
        let labels: SortedSet<&str> = labels.map(String::as_str).collect();
        let is_short = |value: &str| value.len() <= MAX_LABEL_VALUE_LEN;
        labels.len() <= usize::from(MAX_LABELS)
            && self.family.bounds.len() < MAX_BOUNDS
            && self.series.iter().all(|s| s.labels.iter().all(|(_, value)| is_short(value)))
    }
}

impl Archive {
    /// No archive.
    pub(crate) const NONE: Self = Self {
        generation: 0,
        segments: 0,
        dropped_operations: 0,
        cut_label_values: 0,
        base: TimeBase { boot_id: [0; 16], time_namespace: 0, booted: 0 },
        tombstones: Vec::new(),
        families: Vec::new(),
    };

    /// Converts its times to the clock's time base.
    pub(crate) fn count_from(&mut self, clock: &Clock) {
        if self.base == clock.base {
            return;
        }
        let times = clock.times_of(&self.base);
        for family in self.families.iter_mut().map(Arc::make_mut) {
            let spans = family.series.iter_mut().flat_map(|series| &mut series.spans.0);
            for span in spans {
                // 0 is an unknown time.
                if span.from > 0 {
                    span.from = times.at(span.from);
                }
                if span.until != ENDLESS {
                    span.until = times.at(span.until);
                }
                span.exemplars.convert(|when| times.at(when));
                if let Sum::Gauge(GaugeSum { one: Some((when, _)), .. }) = &mut span.sum {
                    *when = times.at(*when);
                }
            }
        }
        self.base = clock.base;
    }

    pub(crate) fn has(&self, instance: &InstanceId) -> bool {
        self.tombstones.binary_search_by(|known| known.instance.cmp(instance)).is_ok()
    }
}
