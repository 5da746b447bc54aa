//! How many bytes what a collection keeps takes: by what is there, and not by the bytes that said it. A forged file of kilobytes may stand for
//! gigabytes, as one that names a label once, and then series by the thousand that have it.

use super::family::LogFamily;
use super::layout::{Floats, Layout, LogSeries};
use super::segment::SegmentLog;

/// What the allocator takes for itself, of each piece.
pub(crate) const PIECE: usize = 16;

/// A string, but for its text.
pub(crate) const STRING: usize = size_of::<String>() + PIECE;

/// So many, each of so many bytes.
pub(crate) fn times(many: usize, size: usize) -> usize {
    many.saturating_mul(size)
}

pub(crate) fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}

impl LogFamily {
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.name, &self.unit, &self.help, &self.place];
        let texts = texts.into_iter().map(|text| text.len().saturating_add(PIECE));
        let labels = self.labels.iter();
        let labels = labels.map(|name| name.len().saturating_add(STRING));
        size_of::<Self>()
            .saturating_add(sum(texts.chain(labels)))
            .saturating_add(size_of_val(&*self.bounds))
    }
}

impl Layout {
    pub(crate) fn measured(&self) -> u64 {
        // Of a family also where its series are.
        let families =
            self.families.iter().map(|family| family.size().saturating_add(2 * PIECE + 8));
        let series = size_of::<LogSeries>() + size_of::<u32>();
        let others = [
            times(self.series.len(), series),
            times(self.floats.len(), size_of::<Floats>()),
            size_of_val(&*self.labels),
            self.text.len(),
            self.runs.size(),
            size_of::<Self>(),
        ];
        sum(families.chain(others)) as u64
    }
}

impl SegmentLog {
    /// Without the layout, which others share.
    pub(crate) fn size(&self) -> u64 {
        let own = size_of_val(&*self.since).saturating_add(self.removed.size());
        own.saturating_add(size_of::<Self>()) as u64
    }
}
