//! The range of addresses behind a segment: the only place that maps, protects, and turns offsets into references.
//!
//! A [`Region`] is reserved once in a process and its descendants and never given back: a handle, a thread's shard or an
//! interrupted instruction may hold an address in it. Files come and go *behind* it (`MAP_FIXED`). A [`Memory`] is a region with one file
//! behind it, and it remembers which parts have blocks: only there does it hand out references.
//!
//! memmap2 reserves the range; what it has no word for (no access, another file at the same address) is rustix'.
#![expect(unsafe_code, reason = "mapping, protecting, and atomics in mapped memory")]

use core::ffi::c_void;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::{FallocateFlags, fallocate, fstat};
use rustix::io::Errno;
use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect,
};

use super::format::{CELL, Geometry, LIMITS_OFF, LOG_OFF, PAGE, Word};
use super::shard::Shard;

#[cfg(target_endian = "big")]
compile_error!("headcount's segments are little-endian and their cells are written in place");

/// Address space, held for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a region is a number; what may be done at those addresses is decided where references are made.
unsafe impl Send for Region {}

impl Region {
    /// Reserves `len` bytes for `file`, inaccessible.
    ///
    /// The file must still be empty: a process under `mlockall(MCL_FUTURE)` populates a new mapping at once, and an empty
    /// file has nothing to populate with.
    pub(crate) fn reserve(file: impl AsFd, len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let fd = file.as_fd().as_raw_fd();
        let map = ManuallyDrop::new(memmap2::MmapOptions::new().len(len).map_raw(fd)?);
        let base = NonNull::new(map.as_mut_ptr())
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let region = Self { base, len };
        region.protect(0..len, MprotectFlags::empty())?;
        region.advise();
        Ok(region)
    }

    pub(crate) fn len(self) -> u64 {
        self.len as u64
    }

    /// Puts `file` behind the first `len` bytes, inaccessible. What was there is no longer reachable from here.
    pub(crate) fn replace(self, file: impl AsFd, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).ok().filter(|len| *len <= self.len);
        let len = len.ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let flags = MapFlags::SHARED | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the range is this region's own, reserved and never given back, so nothing of anyone else's is
        // unmapped. References into it are to atomics, made for one operation each, and stay valid: at every moment
        // there is a mapping of at least this length.
        unsafe { mmap(self.base.as_ptr().cast(), len, ProtFlags::empty(), flags, file, 0) }?;
        self.advise();
        Ok(())
    }

    /// Reserves `len` bytes for memory of this process only, inaccessible.
    pub(crate) fn reserve_private(len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping, wherever the kernel puts it.
        let base =
            unsafe { mmap_anonymous(core::ptr::null_mut(), len, ProtFlags::empty(), flags) }?;
        let base =
            NonNull::new(base.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let region = Self { base, len };
        region.advise();
        Ok(region)
    }

    /// Puts memory of this process only behind the whole range, inaccessible: whatever file was there is let go of.
    pub(crate) fn replace_by_private(self) -> io::Result<()> {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let at = self.base.as_ptr().cast::<c_void>();
        // SAFETY: as in `replace`.
        unsafe { mmap_anonymous(at, self.len, ProtFlags::empty(), flags) }?;
        Ok(())
    }

    fn protect(self, range: Range<usize>, access: MprotectFlags) -> rustix::io::Result<()> {
        debug_assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: `range` lies in the region (every caller takes it from a geometry that fits), so the sum is in
        // bounds of one mapping.
        let at = unsafe { self.base.as_ptr().add(range.start) };
        // SAFETY: as in `replace`: the range is our own. Access is only ever taken away from a range that nothing has
        // been handed out of.
        unsafe { mprotect(at.cast(), range.len(), access) }
    }

    /// Core dumps don't need it; huge pages would turn one page of counters into two megabytes. Both are wishes.
    fn advise(self) {
        for advice in [Advice::LinuxDontDump, Advice::LinuxNoHugepage] {
            // SAFETY: neither advice changes what the memory holds.
            let _ = unsafe { madvise(self.base.as_ptr().cast(), self.len, advice) };
        }
    }

    /// The word at `offset`.
    ///
    /// # Safety
    ///
    /// `offset` is a multiple of 8, `offset + 8` is within the region, and the word's page is accessible.
    unsafe fn word(self, offset: u64) -> &'static AtomicU64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "within the region, whose length is a usize"
        )]
        // SAFETY: in bounds, by the caller's promise.
        let at = unsafe { self.base.as_ptr().add(offset as usize) };
        #[expect(
            clippy::cast_ptr_alignment,
            reason = "the base is page-aligned, the offset a multiple of 8"
        )]
        let at = at.cast::<u64>();
        // SAFETY: aligned (above), valid for reads and writes for ever (a region is never unmapped, pages once made
        // accessible stay so until a fork maps accessible memory over them), and no thread of this process accesses
        // it other than atomically: this function is the only source of references, and they are to atomics.
        unsafe { AtomicU64::from_ptr(at) }
    }
}

/// A file, as long as its descriptor's number really is this file.
///
/// A daemonising program closes every descriptor and its next file may get our number: so the number is moved up, out of
/// the way, and looked at before each use.
#[derive(Debug)]
pub(crate) struct Backing {
    /// Not an `OwnedFd` in the open: dropping one closes whatever has the number by then.
    fd: Option<ManuallyDrop<OwnedFd>>,
    device: u64,
    inode: u64,
}

impl Backing {
    /// No file at all: memory of this process only.
    pub(crate) fn none() -> Self {
        Self { fd: None, device: 0, inode: 0 }
    }

    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        let stat = fstat(&fd)?;
        Ok(Self { fd: Some(ManuallyDrop::new(fd)), device: stat.st_dev, inode: stat.st_ino })
    }

    /// `None` once the number means something else.
    pub(crate) fn get(&self) -> Option<BorrowedFd<'_>> {
        let fd = self.fd.as_deref()?;
        let stat = fstat(fd).ok()?;
        (stat.st_dev == self.device && stat.st_ino == self.inode).then(|| fd.as_fd())
    }

    /// Closes the descriptor if it still is ours. Never unlocks: in a forked child that would unlock the parent's.
    fn close(&mut self) {
        if self.get().is_some() {
            self.fd.take().map(ManuallyDrop::into_inner);
        }
        self.fd = None;
    }

    /// Names of the file, 0 after someone removed it. `None` where the descriptor is lost.
    pub(crate) fn links(&self) -> Option<u64> {
        #[allow(clippy::useless_conversion, reason = "a u32 on some targets")]
        self.get().and_then(|fd| fstat(fd).ok()).map(|stat| u64::from(stat.st_nlink))
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        self.close();
    }
}

/// This process's segment, as a fork handler can see it: one that interrupted an operation which holds the store.
struct Current {
    base: AtomicPtr<u8>,
    len: AtomicUsize,
    head: AtomicU64,
    fd: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

static CURRENT: Current = Current {
    base: AtomicPtr::new(core::ptr::null_mut()),
    len: AtomicUsize::new(0),
    head: AtomicU64::new(0),
    fd: AtomicI32::new(-1),
    device: AtomicU64::new(0),
    inode: AtomicU64::new(0),
};

impl Current {
    fn region(&self) -> Option<Region> {
        let base = NonNull::new(self.base.load(Ordering::Relaxed))?;
        Some(Region { base, len: self.len.load(Ordering::Relaxed) })
    }

    /// The descriptor, if its number still is the segment's.
    fn take_fd(&self) -> Option<OwnedFd> {
        let fd = self.fd.swap(-1, Ordering::Relaxed);
        if fd < 0 {
            return None;
        }
        // SAFETY: not -1, and borrowed for the `fstat` only. If the number is no descriptor any more that fails.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let stat = fstat(borrowed).ok()?;
        let ours = stat.st_dev == self.device.load(Ordering::Relaxed)
            && stat.st_ino == self.inode.load(Ordering::Relaxed);
        // SAFETY: the number is our file's, in this child, whose store will find it closed and leave it alone.
        ours.then(|| unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// For the fork handler: lets go of the parent's segment, of descriptor and mapping both, since either would keep the parent's lock.
/// What an interrupted operation may be about to touch (the head, and the cells given as address and length) stays accessible, as
/// private memory; the rest does not, and so costs nothing under `mlockall`. System calls, nothing else.
///
/// Never unlocks: that would unlock the parent's.
pub(crate) fn let_go(cells: [(usize, usize); 2]) {
    drop(CURRENT.take_fd());
    let Some(region) = CURRENT.region() else { return };
    let replaced = region.replace_by_private();
    let base = region.base.as_ptr() as usize;
    // 0 from here on: until there is a new segment nobody finds a word in it.
    let head = usize::try_from(CURRENT.head.swap(0, Ordering::Relaxed)).unwrap_or(0);
    if replaced.is_err() {
        return;
    }
    for (at, len) in [(base, head), cells[0], cells[1]] {
        let inside = at.checked_sub(base).filter(|start| start + len <= region.len);
        if let Some(start) = inside.filter(|_| len > 0) {
            let _ = region.protect(start..start + len, MprotectFlags::READ | MprotectFlags::WRITE);
        }
    }
}

/// A word of this process's segment, without the store.
pub(crate) fn current_word(word: Word) -> Option<&'static AtomicU64> {
    if CURRENT.head.load(Ordering::Acquire) < LOG_OFF {
        return None;
    }
    // SAFETY: in the second page, below `head`, which is accessible in every segment and after every `let_go`.
    CURRENT.region().map(|region| unsafe { region.word(word.offset()) })
}

/// A region with a file behind it.
#[derive(Debug)]
pub(crate) struct Memory {
    region: Region,
    backing: Backing,
    geometry: Geometry,
    /// Bytes from the start of the file to the end of the log's blocks.
    head: u64,
    /// Cells of each shard that have blocks.
    limits: Vec<u32>,
}

impl Memory {
    /// The file is already behind the region and has its logical length; no block of it is allocated.
    pub(crate) fn new(region: Region, backing: Backing, geometry: Geometry) -> Option<Self> {
        (geometry.logical_len() <= region.len()).then(|| Self {
            region,
            backing,
            geometry,
            head: 0,
            limits: vec![0; geometry.shard_cap as usize],
        })
    }

    /// For the fork handler, after [`let_go`]: remembers that nothing here is usable.
    pub(crate) fn forsake(&mut self) {
        self.backing.close();
        self.limits.fill(0);
        self.head = 0;
    }

    /// From here on this is the process's segment, which a fork handler must let go of.
    pub(crate) fn make_current(&self) {
        let order = Ordering::Relaxed;
        CURRENT.base.store(self.region.base.as_ptr(), order);
        CURRENT.len.store(self.region.len, order);
        CURRENT.device.store(self.backing.device, order);
        CURRENT.inode.store(self.backing.inode, order);
        let fd = self.backing.fd.as_ref().map_or(-1, |fd| fd.as_raw_fd());
        CURRENT.fd.store(fd, order);
        // Release: `current_word` believes the base where this isn't 0.
        CURRENT.head.store(self.head, Ordering::Release);
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.geometry
    }

    pub(crate) fn backing(&self) -> &Backing {
        &self.backing
    }

    pub(crate) fn limit(&self, shard: u32) -> u32 {
        self.limits.get(shard as usize).copied().unwrap_or(0)
    }

    /// Bytes of blocks in all shards but the process's.
    pub(crate) fn shard_bytes(&self) -> u64 {
        self.limits.iter().skip(1).map(|cells| u64::from(*cells) * CELL).sum()
    }

    /// Makes the header, the words and the first `log` bytes of the log usable.
    pub(crate) fn grow_head(&mut self, log: u64) -> io::Result<()> {
        let end = LOG_OFF + log;
        if end > self.geometry.cells_off {
            return Err(io::Error::from(Errno::NOSPC));
        }
        if end > self.head {
            // Small at first; then in steps, so that a program with many series doesn't pay a system call for each.
            let step = if end <= LOG_OFF + 4 * PAGE { PAGE } else { 4 * PAGE };
            let end = end.next_multiple_of(step).min(self.geometry.cells_off);
            self.allocate(self.head..end)?;
            self.head = end;
            if CURRENT.head.load(Ordering::Relaxed) > 0 {
                CURRENT.head.store(end, Ordering::Release);
            }
        }
        Ok(())
    }

    /// Makes at least the first `cells` cells of a shard usable, and tells readers.
    pub(crate) fn grow_shard(&mut self, shard: u32, cells: u32) -> io::Result<()> {
        let had = self.limit(shard);
        if cells <= had {
            return Ok(());
        }
        if cells > self.geometry.slot_cap || shard >= self.geometry.shard_cap {
            return Err(io::Error::from(Errno::NOSPC));
        }
        let wanted = self.grain(cells);
        let off = self.geometry.shard_off(shard);
        self.allocate(off + u64::from(had) * CELL..off + u64::from(wanted) * CELL)?;
        if let Some(limit) = self.limits.get_mut(shard as usize) {
            *limit = wanted;
        }
        self.publish_limit(shard);
        Ok(())
    }

    /// Up to 64 KiB a shard grows by pages, beyond it by 64 KiB.
    #[expect(clippy::cast_possible_truncation, reason = "constants")]
    fn grain(&self, cells: u32) -> u32 {
        const PAGE_CELLS: u32 = (PAGE / CELL) as u32;
        const STEP_CELLS: u32 = 16 * PAGE_CELLS;
        let step = if cells <= STEP_CELLS { PAGE_CELLS } else { STEP_CELLS };
        cells.next_multiple_of(step).min(self.geometry.slot_cap)
    }

    /// Blocks first, then access: no page is ever touched that the filesystem could still refuse.
    fn allocate(&self, bytes: Range<u64>) -> io::Result<()> {
        let start = usize::try_from(bytes.start).map_err(|_| Errno::OVERFLOW)?;
        let end = usize::try_from(bytes.end).map_err(|_| Errno::OVERFLOW)?;
        match self.allocate_by_descriptor(&bytes) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::BADF) => {
                self.region.protect(start..end, MprotectFlags::READ | MprotectFlags::WRITE)?;
                // Memory of our own is safe to touch where the kernel is too old to do it for us.
                let is_private = self.backing.fd.is_none() && self.backing.inode == 0;
                let touched = self.allocate_by_touch(start..end);
                if let Err(refused) = touched.or_else(|e| if is_private { Ok(()) } else { Err(e) })
                {
                    let _ = self.region.protect(start..end, MprotectFlags::empty());
                    return Err(refused.into());
                }
            }
            allocated => {
                allocated?;
                self.region.protect(start..end, MprotectFlags::READ | MprotectFlags::WRITE)?;
            }
        }
        Ok(())
    }

    fn allocate_by_descriptor(&self, bytes: &Range<u64>) -> rustix::io::Result<()> {
        let fd = self.backing.get().ok_or(Errno::BADF)?;
        // A signal can interrupt it on tmpfs, again and again: give up in the end, the caller has another way.
        for _ in 0..64 {
            let len = bytes.end - bytes.start;
            match fallocate(fd, FallocateFlags::empty(), bytes.start, len) {
                Err(Errno::INTR) => {}
                done => return done,
            }
        }
        Err(Errno::INTR)
    }

    /// The kernel touches each page for us: on a full filesystem that is an error where our own store would be a
    /// SIGBUS.
    fn allocate_by_touch(&self, range: Range<usize>) -> rustix::io::Result<()> {
        // SAFETY: in bounds, as in `Region::protect`.
        let at = unsafe { self.region.base.as_ptr().add(range.start) };
        // SAFETY: our own range; populating doesn't change what the memory holds.
        unsafe { madvise(at.cast(), range.len(), Advice::LinuxPopulateWrite) }
    }

    pub(crate) fn word(&self, word: Word) -> &'static AtomicU64 {
        debug_assert!(self.head >= LOG_OFF);
        // SAFETY: the words are 64-byte lines in the second page, accessible since `grow_head` first ran, which is
        // before a `Memory` leaves `create`.
        unsafe { self.region.word(word.offset()) }
    }

    /// Publishes a shard's limit. Two limits share a word, and the word is written whole: one word is never accessed in
    /// two sizes. There is one writer at a time, the holder of `&mut self`.
    fn publish_limit(&mut self, shard: u32) {
        let even = shard & !1;
        let pair = u64::from(self.limit(even)) | u64::from(self.limit(even + 1)) << 32;
        // SAFETY: even * 4 is a multiple of 8, and the table is in the second page, as in `word`.
        let word = unsafe { self.region.word(LIMITS_OFF + 4 * u64::from(even)) };
        // Release: a reader that sees the limit may read so far.
        word.store(pair, Ordering::Release);
    }

    /// Copies whole words to `offset`, which must have blocks: the header, or the log beyond `log_used`.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        let fits =
            (offset | bytes.len() as u64) % 8 == 0 && offset + bytes.len() as u64 <= self.head;
        debug_assert!(fits);
        if !fits {
            return;
        }
        for (at, bytes) in (offset..).step_by(8).zip(bytes.chunks_exact(8)) {
            let word = <[u8; 8]>::try_from(bytes).map_or(0, u64::from_le_bytes);
            // SAFETY: a multiple of 8 below `head`, up to which everything is accessible.
            unsafe { self.region.word(at) }.store(word, Ordering::Relaxed);
        }
    }

    /// What is usable now, to be read without the store.
    pub(crate) fn view(&self) -> View {
        let limits = self.limits.iter().copied().collect();
        View { region: self.region, geometry: self.geometry, head: self.head, limits }
    }

    /// What a thread needs to record in a shard.
    pub(crate) fn shard(&self, shard: u32) -> Shard {
        let limit = self.limit(shard);
        if limit == 0 {
            return Shard::NONE;
        }
        // SAFETY: `limit > 0` means that the shard is within the geometry and that its first page is accessible.
        let first = unsafe { self.region.word(self.geometry.shard_off(shard)) };
        // SAFETY: `grow_shard` made `limit` cells from there accessible, and they stay so: see `Region::word`.
        unsafe { Shard::new(first, limit) }
    }
}

/// A segment's memory as it was usable at one moment. Usable parts only grow, so this stays true.
#[derive(Debug)]
pub(crate) struct View {
    region: Region,
    geometry: Geometry,
    head: u64,
    limits: Box<[u32]>,
}

impl View {
    /// Copies words from `offset`, as far as there are blocks; the rest is zeros, which is what a hole reads as.
    pub(crate) fn read(&self, offset: u64, into: &mut [u64]) {
        for (at, word) in (offset..).step_by(8).zip(into) {
            *word = if self.is_usable(at) {
                // SAFETY: `is_usable` holds for accessible, aligned words only.
                unsafe { self.region.word(at) }.load(Ordering::Relaxed)
            } else {
                0
            };
        }
    }

    fn is_usable(&self, offset: u64) -> bool {
        if offset % 8 != 0 {
            return false;
        }
        if offset + 8 <= self.head {
            return true;
        }
        let Some(from_cells) = offset.checked_sub(self.geometry.cells_off) else { return false };
        let stride = self.geometry.stride();
        let limit =
            usize::try_from(from_cells / stride).ok().and_then(|shard| self.limits.get(shard));
        limit.is_some_and(|limit| from_cells % stride < u64::from(*limit) * CELL)
    }
}
