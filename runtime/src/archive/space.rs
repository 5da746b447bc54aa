//! Compaction as its callers do it: with the lock, and with as many segments as there is space for.

use crate::directory::Directory;
use crate::error::{Error, ErrorKind};
use crate::process::Forks;

use super::{Compactor, Generation, Limits};

/// Runs something that one process at a time may do in a directory; `None` in a directory without
/// files of headcount's.
pub(crate) fn holding_the_lock<T>(
    directory: &Directory,
    forks: Forks,
    what: impl FnOnce(&Compactor<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    if !directory.has_ours() {
        // There is nothing to do; not even the lock's file is created.
        return Ok(None);
    }
    holding_the_lock_of_any(directory, forks, what).map(Some)
}

/// The same in any directory.
pub(crate) fn holding_the_lock_of_any<T>(
    directory: &Directory,
    forks: Forks,
    what: impl FnOnce(&Compactor<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let path = directory.path();
    if !directory.is_writable() {
        return Err(Error::directory("the directory is not this user's to write").at(path));
    }
    let compactor = Compactor::new(directory, forks).map_err(|e| e.at(path))?;
    let compactor = compactor.ok_or_else(|| Error::new(ErrorKind::Busy).at(path))?;
    what(&compactor).map_err(|e| e.at(path))
}

/// Writes one generation. If there is no space for the new archive beside the old one and the
/// segments, tries again with fewer and fewer segments: removing these leaves space for the next.
/// Finally, blocks of zeros in dead segments are freed.
pub(crate) fn one_that_fits(
    compactor: &Compactor<'_>,
    limits: Limits,
    skipped: &mut Vec<Error>,
) -> Result<Generation, Error> {
    let (mut next, mut had_zeros) = (limits, true);
    loop {
        let failed = match compactor.generation(next, skipped) {
            Err(e) if e.is_out_of_space() => e,
            done => return done,
        };
        if let Some(less) = next.less() {
            next = less;
        } else if core::mem::take(&mut had_zeros) && compactor.give_back_zeros(limits)? {
            next = limits;
        } else {
            return Err(failed);
        }
    }
}
