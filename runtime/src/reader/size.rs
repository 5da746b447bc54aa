//! Measures the memory that cached values take, from the decoded values and not from the bytes that
//! they were decoded from. A forged file of kilobytes can decode to gigabytes: it can name a label
//! once, and then list thousands of series that have it.

use super::family::{LogFamily, Wrong};
use super::layout::{Floats, Layout, LogSeries};
use super::segment::SegmentLog;

/// The overhead of the allocator for one allocation.
pub(crate) const PIECE: usize = 16;

/// The size of a string without its text.
pub(crate) const STRING: usize = size_of::<String>() + PIECE;

/// The size of `many` values of `size` bytes.
pub(crate) fn times(many: usize, size: usize) -> usize {
    many.saturating_mul(size)
}

pub(crate) fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}

impl LogFamily {
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.name, &self.unit, &self.help, &self.file];
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
        // Each family also has an entry in `by_family`.
        let families =
            self.families.iter().map(|family| family.size().saturating_add(2 * PIECE + 8));
        let series = size_of::<LogSeries>() + size_of::<u32>();
        let others = [
            times(self.series.len(), series),
            times(self.floats.len(), size_of::<Floats>()),
            size_of_val(&*self.labels),
            self.text.len(),
            self.runs.size(),
            // The beginning of a name has up to 100 bytes.
            times(self.wrong.len(), size_of::<Wrong>() + PIECE + 100),
            sum(self.mute.keys().map(|name| name.len().saturating_add(4 * STRING))),
            sum(self.mute.values().map(|shapes| times(shapes.len(), 2 * STRING))),
            size_of::<Self>(),
        ];
        sum(families.chain(others)) as u64
    }
}

impl SegmentLog {
    /// Without the layout, which several logs share.
    pub(crate) fn size(&self) -> u64 {
        let own = size_of_val(&*self.since)
            .saturating_add(self.removed.size())
            .saturating_add(self.blocks.size().saturating_add(self.places.size()));
        own.saturating_add(size_of::<Self>()) as u64
    }
}
