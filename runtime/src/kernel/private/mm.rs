//! Memory for a segment, of the system's allocator. Not of the program's own, which may record.
//!
//! Memory that would be inaccessible in a mapping is uninitialised here, so that miri finds whoever
//! reads it. It is never given back: the addresses belong to the segment for ever.
#![expect(unsafe_code, reason = "memory of the allocator's")]

use core::ffi::c_void;
use core::ptr::NonNull;
use std::alloc::{GlobalAlloc, Layout, System};

use super::fd::AsFd;
use super::flags::flags;
use super::io::{Errno, Result};

/// The size of a page, as everywhere in this library.
const PAGE: usize = 4096;

/// The largest segment. The allocator may count all of it as used, while most is never touched:
/// 36 MiB for 64 threads and 65,536 cells. Under miri each byte costs.
const MOST: u64 = if cfg!(miri) { 4 << 20 } else { 64 << 20 };

flags! {
    MapFlags { PRIVATE = 1, SHARED = 2, FIXED = 4, NORESERVE = 8 }
    ProtFlags { READ = 1, WRITE = 2 }
    MprotectFlags { READ = 1, WRITE = 2 }
}

/// What a kernel is advised.
#[allow(dead_code, reason = "nobody takes the advice")]
#[allow(clippy::enum_variant_names, reason = "as rustix names them")]
pub(crate) enum Advice {
    LinuxDontDump,
    LinuxDontNeed,
    LinuxNoHugepage,
    LinuxPopulateWrite,
    LinuxWipeOnFork,
}

/// Uninitialised memory. With `MapFlags::FIXED` it replaces what is there.
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
        // Else it can stay as it is: nobody reads it before `mprotect` has filled it with zeros.
        if cfg!(miri) {
            let from = uninitialised(len)?;
            // SAFETY: the caller's own range.
            unsafe { at.cast::<u8>().copy_from_nonoverlapping(from.as_ptr(), len) };
        }
        return Ok(at);
    }
    uninitialised(len).map(|memory| memory.as_ptr().cast())
}

fn uninitialised(len: usize) -> Result<NonNull<u8>> {
    let layout = Layout::from_size_align(len, PAGE).map_err(|_| Errno::INVAL)?;
    if len == 0 || len as u64 > MOST {
        return Err(Errno::NOMEM);
    }
    // SAFETY: the size isn't 0.
    NonNull::new(unsafe { System.alloc(layout) }).ok_or(Errno::NOMEM)
}

/// Reserves addresses for a file.
pub(crate) fn reserve(file: impl AsFd, _: usize) -> std::io::Result<*mut u8> {
    file.as_fd().absurd()
}

/// A mapped file.
///
/// # Safety
///
/// None: there is no descriptor to call it with.
pub(crate) unsafe fn mmap(
    _: *mut c_void,
    _: usize,
    _: ProtFlags,
    _: MapFlags,
    file: impl AsFd,
    _: u64,
) -> Result<*mut c_void> {
    file.as_fd().absurd()
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

/// Unmaps nothing: what a forked child inherits stays in its memory.
///
/// # Safety
///
/// None.
pub(crate) unsafe fn munmap(_: *mut c_void, _: usize) -> Result<()> {
    Ok(())
}

/// Takes no advice.
///
/// # Safety
///
/// None.
pub(crate) unsafe fn madvise(_: *mut c_void, _: usize, _: Advice) -> Result<()> {
    Err(Errno::NOSYS)
}
