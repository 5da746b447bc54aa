//! What processes that are gone have counted, as merging yields it and takes it again.

use std::sync::Arc;

use crate::model::LabelSet;
use crate::model::instance::Age;
use crate::reader::family::LogFamily;
use crate::reader::segment::ENDLESS;
use crate::reader::times::{Clock, TimeBase};

use super::spans::Spans;
use super::sums::{GaugeSum, Sum};

/// Everything the archive says.
#[derive(Debug, Clone, Default)]
pub(super) struct Archive {
    /// Grows by one with each folding; 0 is no archive.
    pub(super) generation: u64,
    /// Segments that were folded, ever.
    pub(super) segments: u64,
    pub(super) dropped_operations: u64,
    pub(super) cut_label_values: u64,
    /// What its times count from.
    pub(super) base: TimeBase,
    pub(super) tombstones: Vec<Tombstone>,
    /// One for each way in which a family was declared; the buckets of one histogram can't be told from another's sums.
    pub(super) families: Vec<Arc<ArchivedFamily>>,
}

/// A segment that is in the archive, and whose file may still be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tombstone {
    pub(super) instance: [u8; 16],
    /// The generation whose folder last found the file. The age counts from here and not from the folding: a collector may have listed
    /// the file for as long as it was there.
    pub(super) last_seen: u64,
}

/// A family of the dead.
#[derive(Debug, Clone)]
pub(super) struct ArchivedFamily {
    /// Its labels are sorted.
    pub(super) family: LogFamily,
    pub(super) newest: Age,
    /// How many segments declared it so.
    pub(super) segments: u64,
    pub(super) series: Vec<ArchivedSeries>,
}

#[derive(Debug, Clone)]
pub(super) struct ArchivedSeries {
    pub(super) labels: LabelSet,
    pub(super) spans: Spans,
    /// When something was last added, in ns since 1970.
    pub(super) touched: u64,
}

impl Archive {
    /// No archive.
    pub(super) const NONE: Self = Self {
        generation: 0,
        segments: 0,
        dropped_operations: 0,
        cut_label_values: 0,
        base: TimeBase { boot_id: [0; 16], time_namespace: 0, booted: 0 },
        tombstones: Vec::new(),
        families: Vec::new(),
    };

    /// Lets its times count from another base, where they count by another clock.
    pub(super) fn count_from(&mut self, clock: &Clock) {
        if self.base == clock.base {
            return;
        }
        let times = clock.times_of(&self.base);
        for family in self.families.iter_mut().map(Arc::make_mut) {
            let spans = family.series.iter_mut().flat_map(|series| &mut series.spans.0);
            for span in spans {
                span.from = times.at(span.from);
                if span.until != ENDLESS {
                    span.until = times.at(span.until);
                }
                if let Sum::Gauge(GaugeSum { one: Some((when, _)), .. }) = &mut span.sum {
                    *when = times.at(*when);
                }
            }
        }
        self.base = clock.base;
    }

    pub(super) fn has(&self, instance: &[u8; 16]) -> bool {
        self.tombstones.binary_search_by(|known| known.instance.cmp(instance)).is_ok()
    }
}
