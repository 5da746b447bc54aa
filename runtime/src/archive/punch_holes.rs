//! Frees space on a disk that has none for a new archive: punches holes where blocks of dead
//! segments contain only zeros.
//!
//! A hole reads as zeros, so every reader sees the same bytes before, during and after it, and a
//! process that is killed has changed nothing. Most segments have such blocks: the process's own
//! shard in a program without gauges, and the last steps by which a log or a shard grew.

use core::ops::Range;

use crate::error::Error;
use crate::fault;
use crate::kernel::fd::OwnedFd;
use crate::kernel::fs::{FallocateFlags, fallocate, fstat};
use crate::kernel::lock as locks;
use crate::reader::liveness::Here;
use crate::reader::segment::read_header;
use crate::reader::source::Source;
use crate::segment::format::{
    CELL, Geometry, LIMITS_OFF, LIVENESS_OFD, LOG_OFF, LogPlace, PAGE, Word,
};

use super::{Compactor, Limits};

/// The most by which a log grows at once.
const LOG_STEP: u64 = 4 * PAGE;
#[expect(clippy::cast_possible_truncation, reason = "a constant")]
const PAGE_LEN: usize = PAGE as usize;
/// The most pages that are read in all files together: 64 MiB. A hostile file of kilobytes may
/// claim gigabytes.
const MOST_PAGES: usize = 1 << 14;

impl Compactor<'_> {
    /// Frees blocks of dead segments that read as zeros, in as many files as the limits allow, and
    /// returns whether there were any.
    pub(crate) fn give_back_zeros(&self, limits: Limits) -> Result<bool, Error> {
        let here = Here::in_directory(self.directory);
        // Files that were skipped were reported by the compaction that failed.
        let (_, listing, _original) = self.list(&here, true, &mut Vec::new())?;
        let (mut was_some, mut pages_left) = (false, MOST_PAGES);
        for file in listing.dead.values().flatten().take(limits.files) {
            self.lock.check()?;
            // A file that cannot be opened for writing, or punched, stays as it is.
            was_some |= self.give_back_zeros_of(&file.name, &mut pages_left).unwrap_or(false);
        }
        Ok(was_some)
    }

    fn give_back_zeros_of(&self, name: &str, pages_left: &mut usize) -> Result<bool, Error> {
        let failed = |e| Error::io("give back what it doesn't use", e);
        let Some(fd) = self.open_for_locking(name)? else { return Ok(false) };
        let before = fstat(&fd).map_err(failed)?;
        let source = Source::File(fd);
        let header = read_header(&source, u64::try_from(before.st_size).unwrap_or(0))?;
        let Source::File(fd) = &source else { return Ok(false) };
        // Checked on this very descriptor, and by the lock alone, since nothing else is as certain.
        // A page that is taken from a living process may not be available when the process writes
        // to it again.
        if header.liveness != LIVENESS_OFD || !matches!(locks::is_held(fd), Ok(false)) {
            return Ok(false);
        }
        let pages = with_blocks(&source, header.geometry)?;
        for at in pages.into_iter().flat_map(|range| range.step_by(PAGE_LEN)) {
            let Some(less) = pages_left.checked_sub(1) else { break };
            *pages_left = less;
            punch_if_zeros(&source, fd, at)?;
        }
        Ok(fstat(fd).map_err(failed)?.st_blocks < before.st_blocks)
    }
}

/// The ranges of a segment that have blocks, and may have more of them than they need. They are
/// taken from the file, and limited by its geometry. Each begins at a page.
fn with_blocks(source: &Source, geometry: Geometry) -> Result<Vec<Range<u64>>, Error> {
    let word = |offset: u64| Ok::<_, Error>(source.read(offset, 1)?.first().copied().unwrap_or(0));
    // Up to the end of the log. The space before the current log is unused, like the space behind
    // it, and may be zeros.
    let (place, len) = LogPlace::of(word(Word::LogUsed.offset())?);
    let log = place.start().saturating_add(len).min(geometry.log_cap());
    let log_end = LOG_OFF.saturating_add(log.saturating_add(LOG_STEP)).min(geometry.cells_off);
    let mut ranges: Vec<Range<u64>> = core::iter::once(LOG_OFF..log_end).collect();
    let shards = word(Word::ShardsUsed.offset())?.min(u64::from(geometry.shard_cap));
    for shard in 0..u32::try_from(shards).unwrap_or(0) {
        // Two limits share a word.
        let pair = word(LIMITS_OFF + 4 * u64::from(shard & !1))?;
        let limit = if shard % 2 == 0 { pair & 0xffff_ffff } else { pair >> 32 };
        let start = geometry.shard_off(shard);
        ranges.push(start..start + CELL * limit.min(u64::from(geometry.slot_cap)));
    }
    Ok(ranges)
}

/// Punches a hole at this page, if it contains only zeros.
fn punch_if_zeros(source: &Source, fd: &OwnedFd, at: u64) -> Result<(), Error> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    if source.read(at, PAGE_LEN / size_of::<u64>())?.iter().all(|word| *word == 0) {
        fault::call!("compaction.punch", fallocate(fd, flags, at, PAGE))
            .map_err(|e| Error::io("give back what it doesn't use", e))?;
    }
    Ok(())
}
