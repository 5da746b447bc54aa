//! Limits what a collection may take, whatever the files contain.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::reader::layout::Layout;
use crate::reader::segment::Segment;

/// How much memory a collection may take: see [`Collector::limit`](crate::Collector::limit).
///
/// ```
/// use headcount::{Collector, Limit};
///
/// let collector = Collector::new().limit(Limit::bytes(64 << 20));
/// assert!(collector.collect()?.skipped().is_empty());
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u64);

impl Limit {
    /// No limit except those of each file.
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// Creates a limit in bytes. It applies to the page, and separately to what is read of all
    /// files together.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub(crate) const fn most(self) -> u64 {
        self.0
    }
}

impl Default for Limit {
    /// 256 MiB.
    fn default() -> Self {
        Self(256 << 20)
    }
}

/// The memory that is left for all files together.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    left: u64,
    /// The layouts that were already counted, by their addresses, which stay valid while the
    /// segments exist.
    layouts: HashSet<usize>,
}

impl Memory {
    pub(crate) fn of(Limit(left): Limit) -> Self {
        Self { left, layouts: HashSet::new() }
    }

    /// Takes the memory of a segment, if so much is left. `on_disk` is the size of its file without
    /// holes: a hole takes no memory either.
    pub(crate) fn take(&mut self, segment: &Segment, on_disk: u64) -> Result<(), Error> {
        let layout: &Arc<Layout> = &segment.log.layout;
        let address = Arc::as_ptr(layout) as usize;
        let shared = if self.layouts.contains(&address) { 0 } else { layout.size };
        let cells = (segment.cells() as u64).saturating_mul(8).min(on_disk);
        self.take_bytes(cells.saturating_add(segment.log.size()).saturating_add(shared))?;
        self.layouts.insert(address);
        Ok(())
    }

    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    pub(crate) fn take_bytes(&mut self, bytes: u64) -> Result<(), Error> {
        // Not damaged, and not to be set aside: with fewer others it can be read.
        let reason =
            "more than a collection may take, with the files before it (`Collector::limit`)";
        let crowded = || Error::new(ErrorKind::OverLimit { reason });
        self.left = self.left.checked_sub(bytes).ok_or_else(crowded)?;
        Ok(())
    }
}
