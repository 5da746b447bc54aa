//! A region with a file behind it, and which parts of it have allocated blocks. Only this module
//! makes references to words in it.
#![expect(unsafe_code, reason = "words in mapped memory, once they are known to be usable")]

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use std::io;

use crate::fault;
use crate::kernel;
use crate::kernel::fd::BorrowedFd;
use crate::kernel::fs::{FallocateFlags, fallocate, fstatfs};
use crate::kernel::io::Errno;
use crate::kernel::mm::madvise;
use crate::kernel::mm::{Advice, MprotectFlags};

use super::current;
use super::format::{CELL, Geometry, LIMITS_OFF, LOG_OFF, PAGE, Word};
use super::mapping::{Backing, Region};
use super::publish::Words;
use super::shard::Shard;

/// A region with a file behind it.
#[derive(Debug)]
pub(crate) struct Memory {
    region: Region,
    backing: Backing,
    geometry: Geometry,
    /// The end of the log's allocated blocks, in bytes from the start of the file.
    head: u64,
    /// The number of cells with allocated blocks, for each shard.
    limits: Vec<u32>,
    /// Whether the filesystem allocates huge pages when blocks are requested through the
    /// descriptor.
    gives_huge_pages: bool,
}

impl Memory {
    /// The file is already mapped at the region and has its logical length; none of its blocks is
    /// allocated.
    pub(crate) fn new(region: Region, backing: Backing, geometry: Geometry) -> Option<Self> {
        (geometry.logical_len() <= region.len()).then(|| Self {
            region,
            backing,
            geometry,
            head: 0,
            limits: vec![0; geometry.shard_cap as usize],
            gives_huge_pages: false,
        })
    }

    /// For the fork handler, after [`let_go`]: records that nothing here is usable.
    pub(crate) fn forsake(&mut self) {
        self.backing.close();
        self.limits.fill(0);
        self.head = 0;
    }

    /// Makes this the process's segment, which a fork handler must give up.
    pub(crate) fn make_current(&self) {
        current::make(self.region, self.head);
    }

    #[cfg(test)]
    pub(super) fn region(&self) -> Region {
        self.region
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

    /// The bytes allocated in all shards except shard 0.
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
            // By pages at first, then in larger steps, so that a program with many series doesn't
            // make a system call for each.
            let step = if end <= LOG_OFF + 4 * PAGE { PAGE } else { 4 * PAGE };
            let end = end.next_multiple_of(step).min(self.geometry.cells_off);
            // Set first: a child that a handler forks right after the next line continues to write
            // there.
            current::reach(end);
            if let Err(refused) = self.allocate(self.head..end) {
                current::reach(self.head);
                return Err(refused);
            }
            self.head = end;
        }
        Ok(())
    }

    /// Makes the head usable, with the log in it with which the segment begins.
    ///
    /// The log that a child has from its parent may be long. On a filesystem in memory it is
    /// written through the descriptor, which allocates its pages. Each page that is first touched
    /// through the mapping costs a page fault, which takes longer than writing the page.
    pub(crate) fn begin_log(&mut self, log: &[u8]) -> io::Result<()> {
        let len = log.len() as u64;
        // Something is about to be registered, so a log without records gets space too. On the way
        // it is found out whether the filesystem allocates huge pages.
        self.grow_head(len.clamp(1, PAGE))?;
        let end = (LOG_OFF + len).next_multiple_of(PAGE);
        let may_write = len > 0 && end <= self.geometry.cells_off && !self.gives_huge_pages;
        let fd = if may_write { self.backing.get().filter(|fd| is_tmpfs(*fd)) } else { None };
        let Some(fd) = fd else {
            self.grow_head(len)?;
            self.write(LOG_OFF, log);
            return Ok(());
        };
        // Set first, as in `grow_head`.
        current::reach(end);
        if let Err(refused) = write_at(fd, LOG_OFF, log).and_then(|()| self.open_head(end)) {
            current::reach(self.head);
            return Err(refused.into());
        }
        self.head = end;
        Ok(())
    }

    /// Makes the head accessible up to this offset, where its blocks end.
    fn open_head(&self, end: u64) -> kernel::io::Result<()> {
        let offset = |offset| usize::try_from(offset).map_err(|_| Errno::OVERFLOW);
        let more = offset(self.head)?..offset(end)?;
        if more.is_empty() {
            return Ok(());
        }
        self.region.protect(more, MprotectFlags::READ | MprotectFlags::WRITE)
    }

    /// Makes at least the first `cells` cells of a shard usable, and publishes the new limit to
    /// readers.
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

    /// A shard grows by pages up to 64 KiB, and by 64 KiB beyond that.
    #[expect(clippy::cast_possible_truncation, reason = "constants")]
    fn grain(&self, cells: u32) -> u32 {
        const PAGE_CELLS: u32 = (PAGE / CELL) as u32;
        const STEP_CELLS: u32 = 16 * PAGE_CELLS;
        let step = if cells <= STEP_CELLS { PAGE_CELLS } else { STEP_CELLS };
        cells.next_multiple_of(step).min(self.geometry.slot_cap)
    }

    /// Allocates blocks first and then makes them accessible: no page is ever touched that the
    /// filesystem could still refuse.
    fn allocate(&mut self, bytes: Range<u64>) -> io::Result<()> {
        let start = usize::try_from(bytes.start).map_err(|_| Errno::OVERFLOW)?;
        let end = usize::try_from(bytes.end).map_err(|_| Errno::OVERFLOW)?;
        if self.gives_huge_pages {
            match self.allocate_small_pages(start..end) {
                // The kernel is too old to populate pages for us.
                Err(Errno::INVAL) => {}
                touched => return Ok(touched?),
            }
        }
        match self.allocate_by_descriptor(&bytes) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::BADF) => {
                self.region.protect(start..end, MprotectFlags::READ | MprotectFlags::WRITE)?;
                // With private memory, touching the pages ourselves is safe on such kernels.
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
                // Blocks that were allocated later, in a file that is partly in use, stay.
                if !self.gives_huge_pages && self.has_huge_pages(&bytes) {
                    self.gives_huge_pages = true;
                    if self.head == 0 {
                        self.give_all_back()?;
                        return self.allocate(bytes);
                    }
                }
                self.region.protect(start..end, MprotectFlags::READ | MprotectFlags::WRITE)?;
            }
        }
        Ok(())
    }

    fn allocate_by_descriptor(&self, bytes: &Range<u64>) -> kernel::io::Result<()> {
        let fd = self.backing.get().ok_or(Errno::BADF)?;
        // On tmpfs a signal can interrupt it again and again. It gives up in the end, because the
        // caller has another way.
        for _ in 0..64 {
            let len = bytes.end - bytes.start;
            let allocated = fault::call!(
                "grow.blocks",
                fallocate(fd, FallocateFlags::empty(), bytes.start, len)
            );
            match allocated {
                Err(Errno::INTR) => {}
                done => return done,
            }
        }
        Err(Errno::INTR)
    }

    /// Whether the file has more blocks than were requested, because a filesystem in memory rounded
    /// up: a tmpfs that is mounted `huge=always` or `within_size` allocates two megabytes for each
    /// shard, or less where it has no two megabytes in one piece.
    ///
    /// A request through the descriptor can't refuse huge pages; an access through a mapping can
    /// (`Region::advise`).
    fn has_huge_pages(&self, bytes: &Range<u64>) -> bool {
        let Some((fd, stat)) = self.backing.look() else { return false };
        let cells: u64 = self.limits.iter().map(|cells| u64::from(*cells)).sum();
        let asked = self.head + cells * CELL + (bytes.end - bytes.start);
        u64::try_from(stat.st_blocks).unwrap_or(0) * 512 > asked && is_tmpfs(fd)
    }

    /// Frees all blocks of the file, which has no content yet.
    fn give_all_back(&self) -> kernel::io::Result<()> {
        let fd = self.backing.get().ok_or(Errno::BADF)?;
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(fd, hole, 0, self.geometry.logical_len())
    }

    /// Allocates blocks of small pages only, one by one, and makes them accessible.
    fn allocate_small_pages(&self, range: Range<usize>) -> kernel::io::Result<()> {
        self.region.protect(range.clone(), MprotectFlags::READ | MprotectFlags::WRITE)?;
        self.allocate_by_touch(range.clone()).map_err(|refused| {
            let _ = self.region.protect(range, MprotectFlags::empty());
            // The error where a plain store would raise SIGBUS.
            if refused == Errno::FAULT { Errno::NOSPC } else { refused }
        })
    }

    /// Lets the kernel touch each page. On a full filesystem that returns an error, where a store
    /// of our own would raise SIGBUS.
    fn allocate_by_touch(&self, range: Range<usize>) -> kernel::io::Result<()> {
        // SAFETY: in bounds, as in `Region::protect`.
        let at = unsafe { self.region.base.as_ptr().add(range.start) };
        // SAFETY: our own range; populating doesn't change what the memory holds.
        fault::call!("grow.touch", unsafe {
            madvise(at.cast(), range.len(), Advice::LinuxPopulateWrite)
        })
    }

    pub(crate) fn word(&self, word: Word) -> &'static AtomicU64 {
        debug_assert!(self.head >= LOG_OFF);
        // SAFETY: the words are 64-byte lines in the second page, accessible since `grow_head`
        // first ran, which is before a `Memory` leaves `create`.
        unsafe { self.region.word(word.offset()) }
    }

    /// Publishes a shard's limit. Two limits share a word, and the word is written as a whole,
    /// because a word is never accessed in two sizes. There is one writer at a time, the holder of
    /// `&mut self`.
    fn publish_limit(&mut self, shard: u32) {
        let even = shard & !1;
        let pair = u64::from(self.limit(even)) | u64::from(self.limit(even + 1)) << 32;
        // SAFETY: even * 4 is a multiple of 8, and the table is in the second page, as in `word`.
        let word = unsafe { self.region.word(LIMITS_OFF + 4 * u64::from(even)) };
        // Release: a reader that sees the limit may read so far.
        fault::step!("grow.limit", word.store(pair, Ordering::Release));
    }

    /// Copies whole words to `offset`, which must have blocks: the header, or a log that nobody
    /// reads yet.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        debug_assert_eq!(bytes.len() % 8, 0);
        for (at, bytes) in (offset..).step_by(8).zip(bytes.chunks_exact(8)) {
            let word = <[u8; 8]>::try_from(bytes).map_or(0, u64::from_le_bytes);
            self.store(at, word, Ordering::Relaxed);
        }
    }

    /// Sets cells to zero in all shards. Every operation that could still count in them has ended
    /// long ago.
    pub(crate) fn clear(&self, shards: u32, slot: u32, cells: u32) {
        for shard in 0..shards {
            let end = slot.saturating_add(cells).min(self.limit(shard));
            let off = self.geometry.shard_off(shard);
            for cell in slot..end {
                // SAFETY: a multiple of 8, below the shard's limit, up to which everything is
                // accessible.
                let word = unsafe { self.region.word(off + u64::from(cell) * CELL) };
                word.store(0, Ordering::Relaxed);
            }
        }
    }

    /// The value of the cell in each shard that has it.
    pub(crate) fn cells(&self, shards: u32, slot: u32) -> impl Iterator<Item = u64> + '_ {
        (0..shards).filter(move |shard| slot < self.limit(*shard)).map(move |shard| {
            let off = self.geometry.shard_off(shard) + u64::from(slot) * CELL;
            // SAFETY: as in `clear`.
            let word = unsafe { self.region.word(off) };
            word.load(Ordering::Relaxed)
        })
    }

    /// Stores words in unused cells of shard 0, from `slot` on.
    pub(crate) fn fill(&self, slot: u32, words: &[u64]) {
        let off = self.geometry.shard_off(0);
        for (cell, new) in (slot..self.limit(0)).zip(words) {
            // SAFETY: as in `clear`.
            let word = unsafe { self.region.word(off + u64::from(cell) * CELL) };
            word.store(*new, Ordering::Relaxed);
        }
    }

    /// A digest that changes when one of these cells does, and the sum of all of them.
    pub(crate) fn digest(&self, shards: u32, slot: u32, cells: u32) -> (u64, u64) {
        let (mut digest, mut sum) = (0_u64, 0_u64);
        for shard in 0..shards {
            let end = slot.saturating_add(cells).min(self.limit(shard));
            let off = self.geometry.shard_off(shard);
            for cell in slot..end {
                // SAFETY: as in `clear`.
                let word = unsafe { self.region.word(off + u64::from(cell) * CELL) };
                let word = word.load(Ordering::Relaxed);
                sum = sum.wrapping_add(word);
                // A shard that grows meanwhile adds only zeros, which change nothing.
                let place = u64::from(shard) << 32 | u64::from(cell);
                let mixed = (word ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                digest = digest.wrapping_add(if word == 0 { 0 } else { mixed ^ mixed >> 29 });
            }
        }
        (digest, sum)
    }

    /// The part that is usable now, to be read without the store.
    pub(crate) fn view(&self) -> View {
        let limits = self.limits.iter().copied().collect();
        let log_used = self.word(Word::LogUsed).load(Ordering::Relaxed);
        View { region: self.region, geometry: self.geometry, head: self.head, log_used, limits }
    }

    /// The data with which a thread records in a shard.
    pub(crate) fn shard(&self, shard: u32) -> Shard {
        let limit = self.limit(shard);
        if limit == 0 {
            return Shard::NONE;
        }
        // SAFETY: `limit > 0` means that the shard is within the geometry, whose offsets are
        // multiples of 8.
        let first = unsafe { self.region.at(self.geometry.shard_off(shard)) };
        // SAFETY: `grow_shard` made `limit` cells from there accessible, and they stay so: see
        // `Region::word`.
        unsafe { Shard::new(first.cast(), limit) }
    }
}

impl Words for Memory {
    fn store(&self, offset: u64, word: u64, order: Ordering) {
        let is_usable = offset % 8 == 0 && offset + 8 <= self.head;
        debug_assert!(is_usable);
        if is_usable {
            // SAFETY: a multiple of 8 below `head`, up to which everything is accessible.
            let at = unsafe { self.region.word(offset) };
            fault::step!("segment.store", at.store(word, order));
        }
    }
}

#[allow(clippy::useless_conversion, reason = "another type on some targets")]
fn is_tmpfs(fd: BorrowedFd<'_>) -> bool {
    const TMPFS: i64 = 0x0102_1994;
    fstatfs(fd).is_ok_and(|stat| i64::from(stat.f_type) == TMPFS)
}

/// Writes all of it into a file that has no name yet.
fn write_at(fd: BorrowedFd<'_>, mut at: u64, mut bytes: &[u8]) -> kernel::io::Result<()> {
    while !bytes.is_empty() {
        match fault::call!("create.log", kernel::io::pwrite(fd, bytes, at)) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(written) => {
                at += written as u64;
                bytes = bytes.get(written..).unwrap_or_default();
            }
            Err(Errno::INTR) => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(())
}

/// The usable part of a segment's memory at one moment. It only grows, so the view stays valid.
#[derive(Debug)]
pub(crate) struct View {
    region: Region,
    geometry: Geometry,
    head: u64,
    /// The length of the log that this view shows. By now the log may have grown beyond `head`, and
    /// would end in zeros.
    log_used: u64,
    limits: Box<[u32]>,
}

impl View {
    /// Copies words from `offset`. Where no blocks are allocated, they are zeros, as in a hole of a
    /// file.
    pub(crate) fn read(&self, offset: u64, into: &mut [u64]) {
        for (at, word) in (offset..).step_by(8).zip(into) {
            *word = if at == Word::LogUsed.offset() {
                self.log_used
            } else if self.is_usable(at) {
                // SAFETY: `is_usable` holds for accessible, aligned words only.
                unsafe { self.region.word(at) }.load(Ordering::Relaxed)
            } else {
                0
            };
        }
    }

    /// A changing word as it is now, even if the view shows an earlier value of it.
    pub(crate) fn word(&self, offset: u64) -> u64 {
        if !self.is_usable(offset) {
            return 0;
        }
        // SAFETY: as in `read`.
        unsafe { self.region.word(offset) }.load(Ordering::Acquire)
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
