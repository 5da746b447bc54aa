//! Reads one file. What it takes is bounded by what the file has: nothing is allocated for a length
//! that the file only claims.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::sync::Arc;

use crate::directory::length;
use crate::error::{Error, ErrorKind};
use crate::kernel;
use crate::kernel::fd::{AsFd, BorrowedFd};
use crate::kernel::fs::fstat;
use crate::kernel::io::Errno;

use super::key_table::KeyTable;
use super::layout::{HEAD, Layout, Reading, int, shared};

/// The first read: a page, which is all that a small file has. Files are sparse, and the zeros of a
/// longer read are copied too.
const FIRST: usize = 4096;
/// The least that is read at once behind it.
const MORE: usize = 1 << 20;
/// How often a file is read to get two readings with the same times.
const ATTEMPTS: usize = 8;

/// The memory into which files are read, one after the other.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// The first reading, where two are compared.
    other: Vec<u8>,
}

/// What is known of a file before it is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Earlier<'a> {
    /// The layout of this very file, of which entries never move.
    pub(super) own: Option<&'a Arc<Layout>>,
    /// The layout of a file of the same type, which may be equal.
    pub(super) neighbour: Option<&'a Arc<Layout>>,
}

/// A file's layout, and its bytes.
pub(super) type Found<'a> = (Arc<Layout>, &'a [u8]);

/// Reads a file: its layout, and the bytes in which the values are. `None`: its process has just
/// created it. `most` bytes may be read.
pub(super) fn read<'a>(
    fd: impl AsFd,
    earlier: Earlier<'_>,
    has_times: bool,
    most: u64,
    keys: &mut KeyTable,
    buffer: &'a mut Buffer,
) -> Result<Option<Found<'a>>, Error> {
    let fd = fd.as_fd();
    let Buffer { bytes, other } = buffer;
    let mut layout = read_once(fd, earlier, most, keys, bytes)?;
    if has_times && layout.as_ref().is_some_and(|layout| layout.width == 16) {
        // A value and its time are two stores. Two readings that are equal have no half of a pair.
        for _ in 0..ATTEMPTS {
            core::mem::swap(bytes, other);
            let again = Earlier { own: layout.as_ref(), ..earlier };
            let next = read_once(fd, again, most, keys, bytes)?;
            let is_same = next.as_ref().zip(layout.as_ref()).is_some_and(|(next, layout)| {
                next.used == layout.used && bytes.get(HEAD..next.used) == other.get(HEAD..next.used)
            });
            layout = next;
            if is_same {
                break;
            }
        }
    }
    Ok(layout.map(move |layout| (layout, &**bytes)))
}

fn read_once(
    fd: BorrowedFd<'_>,
    earlier: Earlier<'_>,
    most: u64,
    keys: &mut KeyTable,
    bytes: &mut Vec<u8>,
) -> Result<Option<Arc<Layout>>, Error> {
    // What is known of it comes in one read, with the length of what is new.
    let first = earlier.own.map_or(FIRST, |known| known.used.max(FIRST));
    let mut have = fill(fd, bytes, 0, first)?;
    if have < HEAD {
        let reason = "shorter than 8 bytes: not a file of prometheus_client";
        return Err(Error::new(ErrorKind::NotSegment { reason }));
    }
    // Once, and before the rest: entries behind it are being written.
    let used = int(bytes, 0).unwrap_or(0);
    let Ok(used) = usize::try_from(used) else { return Ok(None) };
    if used == 0 {
        return Ok(None);
    }
    if used < HEAD || used % 8 != 0 {
        let reason = "the number at its beginning is no length: not a file of prometheus_client";
        return Err(Error::new(ErrorKind::NotSegment { reason }));
    }
    if let Some(known) = earlier.own.filter(|known| known.used == used && have >= used) {
        return Ok(Some(Arc::clone(known)));
    }
    let known = earlier.own.filter(|known| known.used <= used && known.width > 0);
    let mut reading = Reading::new(used, known.map(|known| &**known));
    loop {
        let there = bytes.get(..have.min(used)).unwrap_or_default();
        if !reading.go_on(there, keys) {
            return Err(neither(there));
        }
        if have >= used {
            break;
        }
        // Only now: most of what claims to be long is none of these files at all.
        if used as u64 > most {
            return Err(if is_shorter(fd, used) { truncated() } else { over_limit() });
        }
        let to = used.min(have.saturating_add(have.max(MORE)));
        let now = fill(fd, bytes, have, to)?;
        if now == have {
            return Err(truncated());
        }
        have = now;
    }
    let layout = reading.end().ok_or_else(|| neither(bytes))?;
    Ok(Some(shared(layout, earlier.neighbour)))
}

fn truncated() -> Error {
    Error::corrupt("it is shorter than it says: it was truncated")
}

fn is_shorter(fd: BorrowedFd<'_>, used: usize) -> bool {
    fstat(fd).is_ok_and(|stat| length(&stat) < used as u64)
}

fn over_limit() -> Error {
    let reason = "more than a collection may take, with the files before it (`Collector::limit`)";
    Error::new(ErrorKind::OverLimit { reason })
}

fn neither(bytes: &[u8]) -> Error {
    if bytes.get(HEAD.saturating_add(4)..).is_some_and(|key| key.starts_with(b"[\"")) {
        Error::corrupt("its entries do not end where they should, or are no keys and values")
    } else {
        let reason = "its entries have no keys: not a file of prometheus_client";
        Error::new(ErrorKind::NotSegment { reason })
    }
}

/// Reads from one place in the file up to another one, and returns where it ended.
fn fill(fd: BorrowedFd<'_>, bytes: &mut Vec<u8>, from: usize, to: usize) -> Result<usize, Error> {
    if bytes.len() < to {
        bytes.resize(to, 0);
    }
    let mut at = from;
    while at < to {
        let Some(free) = bytes.get_mut(at..to) else { break };
        match kernel::io::pread(fd, free, at as u64) {
            Ok(0) => break,
            Ok(more) => at = at.saturating_add(more),
            Err(Errno::INTR) => {}
            Err(e) => return Err(Error::io("read the file", e)),
        }
        // A short read of the first page has the whole of a short file in it.
        if from == 0
            && at >= HEAD
            && at < to
            && int(bytes, 0).is_some_and(|used| usize::try_from(used).is_ok_and(|used| used <= at))
        {
            break;
        }
    }
    Ok(at)
}
