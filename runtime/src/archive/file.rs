//! Reads a directory's archive, or recognises that it was read before.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::sync::Arc;

use crate::directory::touch::keep_young;
use crate::directory::{ARCHIVE, Directory};
use crate::error::Error;
use crate::kernel::fs::fstat;
use crate::merge::archived::Archive;
use crate::reader::source::{Source, bytes_in};
use crate::reader::times::Clock;

use super::encoding::{HEADER_LEN, MAX_LEN, decode, header};

/// The generation of a directory's archive, from its header; 0 if there is no archive.
pub(crate) fn generation(directory: &Directory) -> Result<u64, Error> {
    let Some(fd) = directory.open_replaceable(ARCHIVE)? else { return Ok(0) };
    let words = Source::File(fd).read(0, HEADER_LEN / 8)?;
    header(&bytes_in(&words)).map(|header| header.archive.generation)
}

/// Reads the whole archive; an empty one if there is none.
pub(crate) fn read(directory: &Directory) -> Result<Archive, Error> {
    match open(directory)? {
        Some((source, identity)) => whole(&source, &identity),
        None => Ok(Archive::default()),
    }
}

/// Reads the archive, unless `earlier` is the same file.
pub(crate) fn read_after(
    directory: &Directory,
    earlier: Option<&Arc<ReadArchive>>,
) -> Result<Option<Arc<ReadArchive>>, Error> {
    let Some((source, identity)) = open(directory)? else { return Ok(None) };
    if let Some(read) = earlier.filter(|read| read.identity == identity) {
        return Ok(Some(Arc::clone(read)));
    }
    let archive = whole(&source, &identity)?;
    let size = archive.size();
    Ok(Some(Arc::new(ReadArchive { archive, size, identity })))
}

/// An archive, and the file that it was read from.
#[derive(Debug)]
pub(crate) struct ReadArchive {
    pub(crate) archive: Archive,
    /// The bytes of memory that it takes.
    pub(crate) size: u64,
    identity: Identity,
}

/// Identifies a file and its content. Archives are replaced by new files whose inode numbers may be
/// reused, but the header contains when each was written; and a file that is changed in place gets
/// a new time of change.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    size: u64,
    changed: (i64, i64),
    header: Vec<u64>,
}

fn open(directory: &Directory) -> Result<Option<(Source, Identity)>, Error> {
    let Some(fd) = directory.open_replaceable(ARCHIVE)? else { return Ok(None) };
    let stat = fstat(&fd).map_err(|e| Error::io("stat the file", e))?;
    keep_young(&fd, &stat);
    let source = Source::File(fd);
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        clippy::cast_possible_wrap,
        reason = "of other types on some targets"
    )]
    let identity = Identity {
        file: (stat.st_dev as u64, stat.st_ino as u64),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        header: source.read(0, HEADER_LEN / 8)?,
    };
    Ok(Some((source, identity)))
}

fn whole(source: &Source, Identity { size, .. }: &Identity) -> Result<Archive, Error> {
    if *size > MAX_LEN {
        return Err(Error::corrupt("an archive of more than 256 MiB"));
    }
    let words = usize::try_from(size.div_ceil(8)).unwrap_or(0);
    let mut bytes = bytes_in(&source.read(0, words)?);
    bytes.truncate(usize::try_from(*size).unwrap_or(0));
    let mut archive = decode(&bytes)?;
    archive.count_from(&Clock::new(archive.base, core::iter::empty()));
    Ok(archive)
}
