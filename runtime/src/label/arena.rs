//! Memory for rows. An address belongs to one row for ever, so that a handle kept too long can
//! detect that its row was removed. The memory behind the address doesn't: once all rows in a page
//! are removed, the page is returned to the kernel, and reads as zeros. So the memory in use is
//! bounded by the existing rows; in the worst case, when they are that scattered, it is a page for
//! each.
//!
//! Used under the store's mutex.
#![expect(unsafe_code, reason = "mapped memory becomes entries")]

use core::ptr::NonNull;

use crate::kernel::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

use super::resting::Resting;
use super::table::Entry;
use crate::model::sorted::SortedMap;

/// The number of bytes that are mapped at once. They are few, because under `mlockall` they are
/// populated at once.
const CHUNK: usize = 1 << 18;
const PAGE: usize = 4096;
const PAGES: usize = CHUNK / PAGE;

/// The chunks that contain rows or may contain some, and the memory to reuse.
#[derive(Debug)]
pub(crate) struct Arena {
    /// The number of rows in each page of a chunk, by the chunk's address.
    chunks: SortedMap<usize, Box<[u16; PAGES]>>,
    /// The unused end of the newest chunk.
    next: Option<NonNull<u8>>,
    left: usize,
    /// Removed rows, with the time before which their memory must not read as zeros: a thread that
    /// was just looking at such a row has finished by then.
    gone: Resting<(usize, usize)>,
}

// SAFETY: the pointer is to memory that nobody else knows.
unsafe impl Send for Arena {}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self { chunks: SortedMap::new(), next: None, left: 0, gone: Resting::new() }
    }

    /// Stores an entry, made with a copy of `text` that is placed behind it. `None`: there is no
    /// memory.
    pub(crate) fn put<K>(
        &mut self,
        text: &[u8],
        make: impl FnOnce(&'static [u8]) -> Entry<K>,
    ) -> Option<&'static Entry<K>> {
        let own = const { size_of::<Entry<K>>() };
        const { assert!(align_of::<Entry<K>>() <= 8) };
        let at = self.take(Self::len::<K>(text.len()))?;
        // SAFETY: `take` gave so many bytes, which are nobody else's.
        let behind = unsafe { at.add(own) };
        // SAFETY: as above; the two don't overlap, since nobody else has these.
        unsafe { behind.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len()) };
        // SAFETY: just written; never unmapped, and never written again.
        let text = unsafe { NonNull::slice_from_raw_parts(behind, text.len()).as_ref() };
        let entry = at.cast::<Entry<K>>();
        // SAFETY: as above, and a multiple of 8.
        unsafe { entry.write(make(text)) };
        // SAFETY: just written. It is never unmapped; the kernel takes what is behind it back only
        // long after nobody looks at it, and zeros are a valid entry but
        // for the reference to the text, which is not looked at where the site is none.
        Some(unsafe { entry.as_ref() })
    }

    const fn len<K>(text: usize) -> usize {
        (size_of::<Entry<K>>() + text).next_multiple_of(8)
    }

    /// Retires an entry that can't be looked up any more. Its memory may be freed from `when` on.
    pub(crate) fn retire<K>(&mut self, entry: &'static Entry<K>, text: usize, when: u64) {
        let at = core::ptr::from_ref(entry).addr();
        self.gone.push(when, (at, Self::len::<K>(text)));
    }

    /// Frees the memory that may be freed by `now`.
    pub(crate) fn sweep(&mut self, now: u64) {
        while let Some((at, len)) = self.gone.pop(now) {
            self.give_back(at, len);
        }
    }

    fn take(&mut self, len: usize) -> Option<NonNull<u8>> {
        if len > self.left {
            // The rest of the newest chunk is unused, and its last page may be freed.
            let (rest, left) = (self.next.take(), core::mem::take(&mut self.left));
            if let Some(rest) = rest {
                self.settle(rest.addr().get(), left.max(1));
            }
            let chunk = map(CHUNK)?;
            self.chunks.insert(chunk.as_ptr().expose_provenance(), Box::new([0; PAGES]));
            (self.next, self.left) = (Some(chunk), CHUNK);
        }
        let at = self.next?;
        self.count(at.addr().get(), len, |count| *count += 1);
        // SAFETY: within the chunk, or just behind it, where nothing is left.
        self.next = Some(unsafe { at.add(len) });
        self.left -= len;
        Some(at)
    }

    fn give_back(&mut self, at: usize, len: usize) {
        self.count(at, len, |count| *count = count.saturating_sub(1));
        self.settle(at, len);
    }

    /// The chunk that contains an address.
    fn chunk(&mut self, at: usize) -> Option<(usize, &mut Box<[u16; PAGES]>)> {
        let (base, _) = self.chunks.last_up_to(&at)?;
        let base = *base;
        Some((base, self.chunks.get_mut(&base)?))
    }

    fn count(&mut self, at: usize, len: usize, change: impl Fn(&mut u16)) {
        let Some((base, pages)) = self.chunk(at) else { return };
        let (first, last) = ((at - base) / PAGE, (at + len - 1 - base) / PAGE);
        pages.iter_mut().take(last + 1).skip(first).for_each(change);
    }

    /// Frees the pages in this range that contain no rows and will get none.
    fn settle(&mut self, at: usize, len: usize) {
        let next = self.next.filter(|_| self.left > 0).map(|next| next.addr().get());
        let Some((base, pages)) = self.chunk(at) else { return };
        let is_newest = next.is_some_and(|next| (base..base + CHUNK).contains(&next));
        // The page in which the next row begins, and all behind it.
        let open = next.filter(|_| is_newest).map_or(PAGES, |next| (next - base) / PAGE);
        let (first, last) = ((at - base) / PAGE, ((at + len - 1 - base) / PAGE).min(PAGES - 1));
        for page in first..=last {
            if page < open && pages.get(page) == Some(&0) {
                release(base + page * PAGE);
            }
        }
        if !is_newest && pages.iter().all(|rows| *rows == 0) {
            self.chunks.remove(&base);
        }
    }
}

fn map(len: usize) -> Option<NonNull<u8>> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new mapping, wherever the kernel puts it.
    let mapped = unsafe { mmap_anonymous(core::ptr::null_mut(), len, access, flags) };
    NonNull::new(mapped.ok()?.cast())
}

fn release(page: usize) {
    let at = core::ptr::with_exposed_provenance_mut(page);
    // SAFETY: a page of our own, of rows that are gone: nobody holds a reference into it but to a
    // `RowSlot`, which is 0 and stays so.
    let _ = unsafe { madvise(at, PAGE, Advice::LinuxDontNeed) };
}
