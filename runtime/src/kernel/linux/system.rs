//! What rustix has not, or not in this way.
#![expect(
    unsafe_code,
    reason = "getauxval, which rustix has for programs without libc only, and clocks as numbers, \
              where its own way crashes under valgrind"
)]

use rustix::{fs, io};
use std::os::fd;

/// Whether processes can share what they count.
pub(crate) const SHARES: bool = true;

/// Reserves addresses for a file.
pub(crate) fn reserve(file: impl fd::AsFd, len: usize) -> std::io::Result<*mut u8> {
    use fd::AsRawFd;

    let map = memmap2::MmapOptions::new().len(len).map_raw(file.as_fd().as_raw_fd())?;
    // Never given back, except by a child.
    Ok(core::mem::ManuallyDrop::new(map).as_mut_ptr())
}

/// Opens a file for reading, by the standard library's rules.
pub(crate) fn open_by_path(path: &std::path::Path) -> std::io::Result<fd::OwnedFd> {
    std::fs::File::open(path).map(Into::into)
}

/// Writes bytes at an offset, and closes the file.
#[cfg(feature = "process")]
pub(crate) fn write_all_at(file: fd::OwnedFd, bytes: &[u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(&std::fs::File::from(file), bytes, at)
}

/// The beginning of a file; nothing if it can't be read.
///
/// It is meant for files of the kernel. In a changed root directory the path may lead to anything,
/// even to a pipe without a writer, so this never waits.
pub(crate) fn read_small(path: &str, into: &mut [u8]) -> io::Result<usize> {
    use fs::{Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    fs::open(path, flags, Mode::empty()).and_then(|fd| io::read(&fd, into))
}

/// Whether `exec` gave the program rights that its caller lacks: a set-user-ID or set-group-ID
/// program, or one with file capabilities.
pub(crate) fn has_more_rights_than_its_caller() -> bool {
    // SAFETY: reads what the kernel gave to the process, and has no other conditions. Where the
    // kernel says nothing it is 0.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// A clock of the kernel's.
#[derive(Clone, Copy)]
#[repr(i32)]
pub(crate) enum Clock {
    /// Nobody can set it, all processes of a boot share it, and `Instant` uses it.
    Monotonic = libc::CLOCK_MONOTONIC,
    /// It costs only a few nanoseconds, and lags behind the exact one by up to ten milliseconds.
    Coarse = libc::CLOCK_MONOTONIC_COARSE,
    /// It goes on while the machine is suspended.
    Boot = libc::CLOCK_BOOTTIME,
}

/// Nanoseconds of a clock. It uses libc, as `Instant` does: rustix looks up the kernel's vDSO
/// function itself, which ends the program under valgrind.
#[inline]
pub(crate) fn clock_ns(clock: Clock) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one `timespec` through the pointer, which is a live local of that type,
    // borrowed by nobody else. With these clocks and a valid pointer the call doesn't fail.
    let result = unsafe { libc::clock_gettime(clock as libc::clockid_t, &raw mut time) };
    debug_assert_eq!(result, 0, "the clocks are older than what else is needed");
    #[expect(clippy::cast_sign_loss, reason = "neither is negative")]
    let (seconds, nanos) = (time.tv_sec as u64, time.tv_nsec as u64);
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}
