//! Reads bytes of a segment: by `pread` from a file, or from this process's own memory.
//!
//! Files are never mapped: if a file is truncated while it is read, `pread` reports it, whereas a
//! mapping raises a signal. All reads are into `u64`s, since the kernel copies an aligned word in
//! one piece, and an unaligned one in several.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::error::Error;
use crate::kernel;
use crate::kernel::fd::OwnedFd;
use crate::kernel::fs::{SeekFrom, fstat};
use crate::kernel::io::Errno;
use crate::segment::own::Own;

use super::shard_cells::ShardCells;

/// How many times a segment is read again if its log is rewritten meanwhile. Rewriting a log takes
/// longer than reading one, so a few attempts suffice.
pub(crate) const ATTEMPTS: u32 = 100;

/// Where a segment is read from.
pub(crate) enum Source {
    File(OwnedFd),
    Own(Own),
}

impl Source {
    /// Reads words from an offset that is a multiple of 8. What lies beyond the end of the file
    /// reads as zeros, like a hole; the caller checks the length.
    pub(crate) fn read(&self, offset: u64, words: usize) -> Result<Vec<u64>, Error> {
        let mut out = vec![0_u64; words];
        match self {
            Self::Own(own) => own.read(offset, &mut out)?,
            Self::File(fd) => {
                read_file(fd, offset, &mut out)?;
            }
        }
        Ok(out)
    }

    /// The current values of two words that change, and that are close to each other, the earlier
    /// one first.
    pub(crate) fn current(&self, [one, other]: [u64; 2]) -> Result<[u64; 2], Error> {
        match self {
            Self::Own(own) => Ok([own.word(one)?, own.word(other)?]),
            Self::File(_) => {
                // A call costs more than copying what lies between them.
                let between = usize::try_from(other.saturating_sub(one) / 8).unwrap_or(0);
                let words = self.read(one, between.saturating_add(1))?;
                let ends = [words.first(), words.last()];
                Ok(ends.map(|word| word.copied().unwrap_or(0)))
            }
        }
    }

    /// How many attempts are useful if the log is rewritten meanwhile. One for memory, which shows
    /// the log that existed when the view of it was taken.
    pub(crate) fn attempts(&self) -> u32 {
        match self {
            Self::Own(_) => 1,
            Self::File(_) => ATTEMPTS,
        }
    }

    /// Reads the first cells of a shard. `buffer` is reused.
    pub(crate) fn shard(
        &self,
        offset: u64,
        cells: usize,
        buffer: &mut Vec<u64>,
    ) -> Result<ShardCells, Error> {
        if cells.saturating_mul(size_of::<u64>()) > HOLES_MATTER {
            return Ok(ShardCells::whole(self.read(offset, cells)?));
        }
        buffer.resize(buffer.len().max(cells), 0);
        let buffer = buffer.get_mut(..cells).unwrap_or_default();
        match self {
            Self::Own(own) => {
                buffer.fill(0);
                own.read(offset, buffer)?;
            }
            Self::File(fd) => {
                let read = read_file(fd, offset, buffer)?;
                // The rest of the buffer has another shard's cells.
                buffer.get_mut(read..).unwrap_or_default().fill(0);
            }
        }
        Ok(ShardCells::of(buffer))
    }

    /// The current size of the file; `None` for memory, which cannot be truncated.
    pub(crate) fn size(&self) -> Result<Option<u64>, Error> {
        let Self::File(fd) = self else { return Ok(None) };
        let stat = fstat(fd).map_err(|e| Error::io("stat the file", e))?;
        Ok(Some(u64::try_from(stat.st_size).unwrap_or(0)))
    }
}

/// The bytes of words that were read.
pub(crate) fn bytes_in(words: &[u64]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(words)];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The most bytes that are read with one call, and the size from which holes are skipped.
const HOLES_MATTER: usize = 1 << 18;

/// The offset of the next data in the file, or `u64::MAX` if only a hole follows; `at` if the
/// filesystem does not report holes.
fn next_data(fd: &OwnedFd, at: u64) -> u64 {
    match kernel::fs::seek(fd, SeekFrom::Data(at)) {
        Ok(data) => data,
        Err(Errno::NXIO) => u64::MAX,
        Err(_) => at,
    }
}

/// Reads up to the end of the file, and returns the number of words that were read.
fn read_file(fd: &OwnedFd, offset: u64, out: &mut [u64]) -> Result<usize, Error> {
    let bytes: &mut [u8] = bytes_of(out);
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(done as u64);
        // The buffer consists of zero pages that take no memory until they are written. A file of
        // kilobytes that claims gigabytes is mostly holes; reading these would allocate the whole
        // buffer.
        if rest.len() > HOLES_MATTER {
            let data = next_data(fd, at).saturating_sub(offset);
            let data = usize::try_from(data).unwrap_or(usize::MAX) & !7;
            if data > done {
                done = data;
                continue;
            }
        }
        let part = rest.len().min(HOLES_MATTER);
        let rest = rest.get_mut(..part).unwrap_or_default();
        match kernel::io::pread(fd, rest, at) {
            Ok(0) => break,
            // After a short read the next one continues at an unaligned offset, into memory with
            // the same alignment. Both have the same remainder modulo 8, so the kernel still copies
            // whole words.
            Ok(n) => done = done.saturating_add(n),
            Err(Errno::INTR) => {}
            Err(e) => return Err(Error::io("read the file", e)),
        }
    }
    for word in out {
        *word = u64::from_le(*word);
    }
    Ok(done >> 3)
}

#[expect(unsafe_code, reason = "words as the bytes they are")]
fn bytes_of(words: &mut [u64]) -> &mut [u8] {
    let len = size_of_val(words);
    // SAFETY: the same memory, borrowed mutably for as long; `u8` has no alignment and every
    // pattern of bytes is valid for both types.
    unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), len) }
}
