//! Descriptors that a forked child closes.

use std::os::fd::OwnedFd;

use crate::error::Error;
use crate::segment::fork_safe_fd::{self, Registered};
use crate::store::FORKS;

/// Makes a descriptor that a forked child closes.
pub(super) fn register(
    what: &'static str,
    make: impl FnOnce() -> rustix::io::Result<OwnedFd>,
) -> Result<Registered, Error> {
    // A child that is forked before the descriptor is registered would keep it.
    let created = FORKS.without(|| make().and_then(fork_safe_fd::register));
    match created {
        Some(Ok(Some(fd))) => Ok(fd),
        Some(Err(e)) => Err(Error::io(what, e)),
        Some(Ok(None)) | None => Err(Error::io(what, rustix::io::Errno::MFILE)),
    }
}
