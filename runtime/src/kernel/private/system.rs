//! What does nothing on other systems.

use super::{fd, io};

/// Whether processes can share what they count.
pub(crate) const SHARES: bool = false;

/// Opens no file.
pub(crate) fn open_by_path(_: &std::path::Path) -> std::io::Result<fd::OwnedFd> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(feature = "process")]
pub(crate) fn write_all_at(file: fd::OwnedFd, _: &[u8], _: u64) -> std::io::Result<()> {
    fd::AsFd::as_fd(&file).absurd()
}

/// The files of the kernel are empty.
pub(crate) fn read_small(_: &str, _: &mut [u8]) -> io::Result<usize> {
    Err(io::Errno::NOSYS)
}

/// The environment is believed: nothing that it names is opened.
pub(crate) fn has_more_rights_than_its_caller() -> bool {
    false
}

/// Does nothing: a library that contains this code must not be unloaded.
pub(crate) fn pin() {}
