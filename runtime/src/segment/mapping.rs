//! The address range of a segment, and the file that is mapped there. Only this module maps and
//! protects memory.
//!
//! A [`Region`] is reserved once in a process, because a thread's shard or an interrupted
//! instruction holds an address in it. A forked child unmaps it, except the parts that an operation
//! interrupted by a signal handler may be about to use, and reserves its own. `Memory`, in
//! `memory.rs`, tracks which parts are usable.
#![expect(unsafe_code, reason = "mapping, protecting, and atomics in mapped memory")]

use core::ffi::c_void;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;
use std::io;
use std::mem::ManuallyDrop;

use crate::fault;
use crate::kernel;
use crate::kernel::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::kernel::fs::{Stat, fstat};
use crate::kernel::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap,
};

use super::format::PAGE;

/// Address space that is never given back, except by a child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region {
    pub(super) base: NonNull<u8>,
    pub(super) len: usize,
}

// SAFETY: a region is a number; what may be done at those addresses is decided where references are
// made.
unsafe impl Send for Region {}

impl Region {
    /// Reserves `len` bytes for `file`, inaccessible.
    ///
    /// The file must still be empty: under `mlockall(MCL_FUTURE)` the kernel populates a new
    /// mapping at once, and an empty file has nothing to populate.
    pub(crate) fn reserve(file: impl AsFd, len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let base = fault::call!("map.reserve", kernel::reserve(file, len));
        let region = Self::at_new_addresses(base?.cast(), len)?;
        region.protect(0..len, MprotectFlags::empty())?;
        Ok(region)
    }

    /// The addresses that the kernel has chosen for a new mapping.
    fn at_new_addresses(base: *mut c_void, len: usize) -> io::Result<Self> {
        let base =
            NonNull::new(base.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let region = Self { base, len };
        region.advise();
        Ok(region)
    }

    pub(crate) fn len(self) -> u64 {
        self.len as u64
    }

    /// Maps `file` at the first `len` bytes, inaccessible. The previous mapping can no longer be
    /// reached through this region.
    pub(crate) fn replace(self, file: impl AsFd, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).ok().filter(|len| *len <= self.len);
        let len = len.ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let flags = MapFlags::SHARED | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the range is this region's own, reserved and never given back, so nothing of
        // anyone else's is unmapped. References into it are to atomics, made for one operation
        // each, and stay valid: at every moment there is a mapping of at least this length.
        let mapped = fault::call!("map.replace", unsafe {
            mmap(self.base.as_ptr().cast(), len, ProtFlags::empty(), flags, file, 0)
        });
        mapped?;
        self.advise();
        Ok(())
    }

    /// Reserves `len` bytes of private memory, inaccessible.
    pub(crate) fn reserve_private(len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping, wherever the kernel puts it.
        let base = fault::call!("private.reserve", unsafe {
            mmap_anonymous(core::ptr::null_mut(), len, ProtFlags::empty(), flags)
        });
        Self::at_new_addresses(base?, len)
    }

    /// Maps private memory at the whole range, inaccessible. A file that was mapped there is
    /// unmapped.
    pub(crate) fn replace_by_private(self) -> io::Result<()> {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let at = self.base.as_ptr().cast::<c_void>();
        // SAFETY: as in `replace`.
        let mapped = fault::call!("map.forsake", unsafe {
            mmap_anonymous(at, self.len, ProtFlags::empty(), flags)
        });
        mapped?;
        Ok(())
    }

    /// Unmaps the region, except the ranges given as address and length, which stay as they are.
    pub(super) fn give_back_all_but(self, mut held: [(usize, usize); 3]) {
        held.sort_unstable();
        let base = self.base.as_ptr() as usize;
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let mut from = base;
        for (at, len) in held.into_iter().filter(|(_, len)| *len > 0) {
            Self::give_back(from, at.saturating_sub(from));
            from = from.max((at + len).next_multiple_of(page));
        }
        Self::give_back(from, (base + self.len).saturating_sub(from));
    }

    /// Unmaps addresses of a region that can no longer be reached.
    pub(super) fn give_back(at: usize, len: usize) {
        if len == 0 {
            return;
        }
        let at = core::ptr::with_exposed_provenance_mut::<c_void>(at);
        // SAFETY: of a region that is not this process's segment, and not of what an interrupted
        // operation may reach: no reference into it exists, and none will be made.
        let _ = unsafe { munmap(at, len) };
    }

    pub(super) fn protect(
        self,
        range: Range<usize>,
        access: MprotectFlags,
    ) -> kernel::io::Result<()> {
        debug_assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: `range` lies in the region (every caller takes it from a geometry that fits), so
        // the sum is in bounds of one mapping.
        let at = unsafe { self.base.as_ptr().add(range.start) };
        // SAFETY: as in `replace`: the range is our own. Access is only ever taken away from a
        // range that nothing has been handed out of.
        fault::call!("map.protect", unsafe { mprotect(at.cast(), range.len(), access) })
    }

    /// Keeps the region out of core dumps and away from huge pages, which would turn one page of
    /// counters into two megabytes. Failures are ignored.
    fn advise(self) {
        for advice in [Advice::LinuxDontDump, Advice::LinuxNoHugepage] {
            // SAFETY: neither advice changes what the memory holds.
            let _ = unsafe { madvise(self.base.as_ptr().cast(), self.len, advice) };
        }
    }

    /// The address of the word at `offset`. The rest of the region can be reached from it as well.
    ///
    /// # Safety
    ///
    /// `offset` is a multiple of 8, and `offset + 8` is within the region.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the region, whose length is a usize"
    )]
    #[expect(
        clippy::cast_ptr_alignment,
        reason = "the base is page-aligned, the offset a multiple of 8"
    )]
    pub(super) unsafe fn at(self, offset: u64) -> *mut u64 {
        // SAFETY: in bounds, by the caller's promise.
        unsafe { self.base.as_ptr().add(offset as usize) }.cast::<u64>()
    }

    /// The word at `offset`.
    ///
    /// # Safety
    ///
    /// `offset` is a multiple of 8, `offset + 8` is within the region, and the word's page is
    /// accessible.
    pub(super) unsafe fn word(self, offset: u64) -> &'static AtomicU64 {
        // SAFETY: in bounds, by the caller's promise.
        let at = unsafe { self.at(offset) };
        // SAFETY: aligned (above), valid for reads and writes for ever (a region is never unmapped,
        // pages once made accessible stay so until a fork maps accessible memory over them), and no
        // thread of this process accesses it other than atomically: this function is the only
        // source of references, and they are to atomics.
        unsafe { AtomicU64::from_ptr(at) }
    }
}

/// A file, usable as long as its descriptor's number refers to it.
///
/// A daemonising program closes every descriptor, and the next file that it opens may get our
/// number. So the number is moved up, out of the way, and checked before each use.
#[derive(Debug)]
pub(crate) struct Backing {
    /// Not a plain `OwnedFd`: dropping that closes any file that has the number by then.
    pub(super) fd: Option<ManuallyDrop<OwnedFd>>,
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Backing {
    /// No file: memory of this process only.
    pub(crate) fn none() -> Self {
        Self { fd: None, device: 0, inode: 0 }
    }

    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        let stat = fstat(&fd)?;
        Ok(Self { fd: Some(ManuallyDrop::new(fd)), device: stat.st_dev, inode: stat.st_ino })
    }

    /// `None` once the number refers to another file.
    pub(crate) fn get(&self) -> Option<BorrowedFd<'_>> {
        self.look().map(|(fd, _)| fd)
    }

    /// The same, with what the kernel says of the file.
    pub(super) fn look(&self) -> Option<(BorrowedFd<'_>, Stat)> {
        let fd = self.fd.as_deref()?;
        let stat = fstat(fd).ok()?;
        let is_ours = stat.st_dev == self.device && stat.st_ino == self.inode;
        is_ours.then(|| (fd.as_fd(), stat))
    }

    /// Closes the descriptor if it still is ours. Never releases the lock: in a forked child that
    /// would release the parent's.
    pub(super) fn close(&mut self) {
        if self.get().is_some() {
            self.fd.take().map(ManuallyDrop::into_inner);
        }
        self.fd = None;
    }

    /// The number of the file's names: 0 after it was removed. `None` if the descriptor was lost.
    pub(crate) fn links(&self) -> Option<u64> {
        #[allow(clippy::useless_conversion, reason = "a u32 on some targets")]
        self.look().map(|(_, stat)| u64::from(stat.st_nlink))
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        self.close();
    }
}
