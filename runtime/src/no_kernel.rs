//! Replaces the kernel under miri, which has no mappings, no signals and no forks: memory comes
//! from the allocator, and everything else does nothing or fails. So the library itself runs under
//! miri, from its handles to its collector, and miri checks every access to a segment's memory.
//!
//! Memory that would be inaccessible in a mapping is uninitialised here, so that reading it is an
//! error.
#![expect(
    unsafe_code,
    reason = "memory of the allocator's, and functions that are unsafe where there is a kernel"
)]

use core::ffi::c_void;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, Stat};
use rustix::io::{Errno, Result};
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

/// The size of a page, as everywhere in this library.
const PAGE: usize = 4096;

/// All memory is allocated at once, so the larger geometries are refused.
const MOST: usize = 4 << 20;

/// Unnamed files don't exist, so that the segment is in private memory.
pub(crate) fn memfd_create(_: &str, _: MemfdFlags) -> Result<OwnedFd> {
    Err(Errno::NOSYS)
}

/// The files of the kernel are empty.
pub(crate) fn read_small(_: &str, _: &mut [u8]) -> usize {
    0
}

/// Namespaces don't exist either.
pub(crate) fn stat(_: &str) -> Result<Stat> {
    Err(Errno::NOSYS)
}

/// Inaccessible memory.
///
/// # Safety
///
/// As the kernel's: with `MapFlags::FIXED` the range is the caller's own.
pub(crate) unsafe fn mmap_anonymous(
    at: *mut c_void,
    len: usize,
    _: ProtFlags,
    flags: MapFlags,
) -> Result<*mut c_void> {
    if flags.contains(MapFlags::FIXED) {
        // SAFETY: the caller's own range; nobody reads it before it is accessible again.
        unsafe { at.cast::<u8>().copy_from_nonoverlapping(uninitialised(len)?.as_ptr(), len) };
        return Ok(at);
    }
    uninitialised(len).map(|memory| memory.as_ptr().cast())
}

fn uninitialised(len: usize) -> Result<NonNull<u8>> {
    let page = PAGE;
    let layout = Layout::from_size_align(len, page).map_err(|_| Errno::INVAL)?;
    if len == 0 || len > MOST {
        return Err(Errno::NOMEM);
    }
    // SAFETY: the size isn't 0.
    NonNull::new(unsafe { alloc(layout) }).ok_or(Errno::NOMEM)
}

/// Makes memory accessible, filled with zeros.
///
/// # Safety
///
/// As the kernel's; and nothing of the range was accessible before.
pub(crate) unsafe fn mprotect(at: *mut c_void, len: usize, access: MprotectFlags) -> Result<()> {
    if access.contains(MprotectFlags::WRITE) {
        // SAFETY: the caller's own range, in which there is nothing yet.
        unsafe { at.cast::<u8>().write_bytes(0, len) };
    }
    Ok(())
}

/// Unmaps nothing, because no process forks.
///
/// # Safety
///
/// None.
pub(crate) unsafe fn munmap(_: *mut c_void, _: usize) -> Result<()> {
    Ok(())
}

/// Ignores the advice.
///
/// # Safety
///
/// None.
pub(crate) unsafe fn madvise(_: *mut c_void, _: usize, _: Advice) -> Result<()> {
    Ok(())
}

/// A waiting thread checks again; the interpreter switches to another thread.
pub(crate) mod futex {
    use core::sync::atomic::AtomicU32;

    use rustix::io::Result;
    pub(crate) use rustix::thread::futex::Flags;
    use rustix::time::Timespec;

    pub(crate) fn wait(_: &AtomicU32, _: Flags, _: u32, _: Option<&Timespec>) -> Result<()> {
        std::thread::yield_now();
        Ok(())
    }

    pub(crate) fn wake(_: &AtomicU32, _: Flags, _: u32) -> Result<usize> {
        Ok(0)
    }
}

type Handler = unsafe extern "C" fn();

/// # Safety
///
/// None: no process forks.
pub(crate) unsafe fn pthread_atfork(
    _: Option<Handler>,
    _: Option<Handler>,
    _: Option<Handler>,
) -> libc::c_int {
    0
}

/// # Safety
///
/// None: nobody is signalled. It fails, so that nothing is undone later.
pub(crate) unsafe fn sigfillset(_: *mut libc::sigset_t) -> libc::c_int {
    -1
}

/// # Safety
///
/// As above.
pub(crate) unsafe fn pthread_sigmask(
    _: libc::c_int,
    _: *const libc::sigset_t,
    _: *mut libc::sigset_t,
) -> libc::c_int {
    -1
}
