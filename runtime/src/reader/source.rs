//! Getting bytes out of a segment: by `pread` from a file, or from this process's own memory.
//!
//! Never by a mapping: a file that is cut while it is read gives an error here, where a mapping gives a signal. Always into `u64`s,
//! since the kernel copies an aligned word whole and an unaligned one in pieces.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::os::fd::OwnedFd;

use rustix::fs::{SeekFrom, fstat};
use rustix::io::Errno;

use crate::error::Error;
use crate::segment::own::Own;

use super::shard_cells::Shard;

/// Writing a log anew takes longer than reading it.
pub(crate) const ATTEMPTS: u32 = 100;

/// Where a segment is read from.
pub(crate) enum Source {
    File(OwnedFd),
    Own(Own),
}

impl Source {
    /// Words from an offset that is a multiple of 8. What lies beyond the end of the file reads as zeros, as a hole does: `decode`
    /// finds out whether that can be.
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

    /// A moving word as it is now.
    pub(crate) fn word(&self, offset: u64) -> Result<u64, Error> {
        match self {
            Self::Own(own) => own.word(offset),
            Self::File(_) => Ok(self.read(offset, 1)?.first().copied().unwrap_or(0)),
        }
    }

    /// How often it is worth reading it again, where its log is written anew meanwhile: of memory
    /// not at all, which shows the log that there
    /// was when it was looked at.
    pub(crate) fn attempts(&self) -> u32 {
        match self {
            Self::Own(_) => 1,
            Self::File(_) => ATTEMPTS,
        }
    }

    /// A shard's first cells, by way of a buffer.
    pub(crate) fn shard(
        &self,
        offset: u64,
        cells: usize,
        buffer: &mut Vec<u64>,
    ) -> Result<Shard, Error> {
        if cells.saturating_mul(size_of::<u64>()) > HOLES_MATTER {
            return Ok(Shard::whole(self.read(offset, cells)?));
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
                // What was there before is another shard's.
                buffer.get_mut(read..).unwrap_or_default().fill(0);
            }
        }
        Ok(Shard::of(buffer))
    }

    /// Bytes of the file that are no holes; as many as there can be, where nobody knows.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        let Self::File(fd) = self else { return u64::MAX };
        let blocks = fstat(fd).ok().and_then(|stat| u64::try_from(stat.st_blocks).ok());
        blocks.map_or(u64::MAX, |blocks| blocks.saturating_mul(512))
    }

    /// How long the file is by now; `None` of memory, which nobody cuts.
    pub(crate) fn size(&self) -> Result<Option<u64>, Error> {
        let Self::File(fd) = self else { return Ok(None) };
        let stat = fstat(fd).map_err(|e| Error::io("stat the file", e))?;
        Ok(Some(u64::try_from(stat.st_size).unwrap_or(0)))
    }
}

/// Words as the bytes that they were read from.
pub(crate) fn bytes_in(words: &[u64]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(words)];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Bytes that are read in one piece.
const HOLES_MATTER: usize = 1 << 18;

/// Where the file's next data are, or its end; where nobody knows, here.
fn next_data(fd: &OwnedFd, at: u64) -> u64 {
    match rustix::fs::seek(fd, SeekFrom::Data(at)) {
        Ok(data) => data,
        Err(Errno::NXIO) => u64::MAX,
        Err(_) => at,
    }
}

/// How many words there are up to the file's end, or up to where somebody has cut it.
fn read_file(fd: &OwnedFd, offset: u64, out: &mut [u64]) -> Result<usize, Error> {
    let bytes: &mut [u8] = bytes_of(out);
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(done as u64);
        // The buffer is zeros that the allocator has not made real yet. A file of kilobytes that speaks of gigabytes is mostly hole, and
        // reading holes would make them so.
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
        match rustix::io::pread(fd, rest, at) {
            Ok(0) => break,
            // After a short read the next goes on at an odd offset, into an odd place: still word by word, since both have the
            // same remainder modulo 8.
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
    // SAFETY: the same memory, borrowed mutably for as long; `u8` has no alignment and every pattern of bytes is valid for both types.
    unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), len) }
}
