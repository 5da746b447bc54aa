//! This process's segment: its addresses, its memory, its header.

use core::sync::atomic::Ordering;
use std::time::Instant;

use crate::error::Error;
use crate::segment::create::{Created, Heritage};
use crate::segment::format::{Header, Word};
use crate::segment::mapping::Region;
use crate::segment::memory::Memory;
use crate::segment::own::Own;

/// The purpose for which space was refused, as encoded in the upper half of the word `last_error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A thread's shard.
    Shard = 2,
    /// New series.
    Series = 3,
}

/// In a child, until it has a segment of its own, some of these are its parent's.
#[derive(Debug)]
pub(super) struct OwnSegment {
    /// Reserved addresses. They stay reserved if making a segment there fails.
    region: Option<Region>,
    pub(super) memory: Option<Memory>,
    pub(super) header: Option<Header>,
    /// Whether it was made in the directory that was named.
    pub(super) is_in_directory: bool,
    /// The time at which it was made, by both clocks.
    made: Option<(Instant, u64)>,
}

impl OwnSegment {
    pub(super) const fn new() -> Self {
        Self { region: None, memory: None, header: None, is_in_directory: false, made: None }
    }

    /// Gives up the parent's addresses, and leaves them to `segment::current`.
    pub(super) fn leave_addresses(&mut self) {
        (self.memory, self.region) = (None, None);
    }

    pub(super) fn region(&self) -> Option<Region> {
        self.region
    }

    /// Makes a segment. Addresses that were reserved for it are kept even if that fails, and are
    /// used again.
    pub(super) fn create(
        &mut self,
        heritage: &Heritage<'_>,
        how: impl FnOnce(&Heritage<'_>, &mut Option<Region>) -> Result<Created, Error>,
    ) -> Result<Created, Error> {
        how(heritage, &mut self.region)
    }

    /// From now on this process counts in a segment that was made.
    pub(super) fn set(&mut self, created: Created) {
        self.made = Some((Instant::now(), created.header.created_ns));
        self.memory = Some(created.memory);
        self.header = Some(created.header);
    }

    /// For the fork handler, in the child. Neither allocates nor frees.
    pub(super) fn forsake(&mut self) {
        if let Some(memory) = &mut self.memory {
            memory.forsake();
        }
    }

    /// The maximum number of cells.
    pub(super) fn slot_cap(&self) -> u32 {
        self.memory.as_ref().map_or(0, |memory| memory.geometry().slot_cap)
    }

    /// The number of names that its file has, if it was made in the directory.
    pub(super) fn links(&self) -> Option<u64> {
        self.memory.as_ref().filter(|_| self.is_in_directory)?.backing().links()
    }

    /// Nanoseconds since 1970 by the clock of the system that runs on from when the segment was
    /// made, even if somebody sets the clock.
    pub(super) fn lived_until_ns(&self) -> u64 {
        self.made.map_or(0, |(at, made)| {
            made.saturating_add(u64::try_from(at.elapsed().as_nanos()).unwrap_or(0))
        })
    }

    /// Shows collectors why space was refused.
    pub(super) fn publish_refusal(&self, stage: Stage, error: &std::io::Error) {
        let errno = u64::from(error.raw_os_error().unwrap_or(0).unsigned_abs());
        self.publish(Word::LastError, (stage as u64) << 32 | errno);
    }

    /// Shows collectors how many of the declared series have no cells.
    pub(super) fn publish_dropped_series(&self, dropped: u64) {
        self.publish(Word::DroppedSeries, dropped);
    }

    fn publish(&self, word: Word, value: u64) {
        if let Some(memory) = &self.memory {
            memory.word(word).store(value, Ordering::Relaxed);
        }
    }

    /// What a reader in this process gets.
    pub(super) fn view(&self) -> Option<Own> {
        let (header, memory) = self.header.as_ref().zip(self.memory.as_ref())?;
        Some(Own::of(header.clone(), memory.view()))
    }
}
