//! Maps a key (a site and its label values) to the word that holds the row's slot. A lookup takes
//! no lock.
//!
//! The table uses open addressing over pointers to entries. The store's mutex serialises insertions
//! and removals. A lookup that races with one of these may miss a row, and then asks under the
//! mutex. A full table is replaced by one of twice the size. The old one is not freed, because
//! other threads may be reading it; all old tables together are smaller than the newest. They stay
//! reachable, so that leak checkers report nothing.
//!
//! A removed row leaves no tombstone: the entries behind it move up. So the size of the table
//! depends on the greatest number of rows that existed at one time, and not on the number that came
//! and went.
//!
//! Slots stay valid after a fork, so the table does too: a child finds its parent's rows in it, at
//! the same slots.
#![expect(unsafe_code, reason = "pointers to entries that are never given back")]

use core::fmt;

use super::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// A row's slot word, at an address that no other row ever gets: a handle that kept the address can
/// detect that the row was removed. It holds the slot plus one, so that 0 means removed: that is
/// what the memory reads as when the kernel has taken it back.
#[allow(unreachable_pub, reason = "in the signature of a hidden trait, but not in the model")]
#[repr(transparent)]
#[derive(Debug)]
pub struct RowSlot(pub(super) AtomicU32);

/// The slot of a removed row. It is above every limit, so that the one compare of the hot path
/// catches it.
pub(crate) const GONE: u32 = u32::MAX;

impl RowSlot {
    pub(crate) fn new(slot: u32) -> Self {
        Self(AtomicU32::new(slot.wrapping_add(1)))
    }

    /// [`GONE`] once the row was removed.
    #[inline]
    pub(crate) fn load(&self) -> u32 {
        // Acquire: a thread that sees the slot sees the blocks behind it.
        self.0.load(Ordering::Acquire).wrapping_sub(1)
    }

    /// Sets the slot of a row that waited for space.
    #[allow(dead_code, reason = "used by rows, but not in the model")]
    pub(crate) fn assign(&self, slot: u32) {
        // Release: a thread that sees the slot sees the blocks behind it.
        self.0.store(slot.wrapping_add(1), Ordering::Release);
    }

    /// Marks the row as removed, for every handle that was kept.
    pub(crate) fn forget(&self) {
        self.0.store(0, Ordering::Release);
    }
}

/// Fields are in this order so that those which most lookups read, the slot and the first words of
/// the key, are together in one cache line or in two adjacent ones. Entries that were aligned to
/// cache lines took so much more memory that lookups among 100,000 were no faster.
#[repr(C)]
pub(crate) struct Entry<K> {
    /// The only field that changes.
    pub(crate) slot: RowSlot,
    /// The bits of the hash that choose a place.
    hash: u32,
    pub(crate) key: K,
}

impl<K> Entry<K> {
    pub(crate) fn new(hash: u32, key: K, slot: u32) -> Self {
        Self { slot: RowSlot::new(slot), hash, key }
    }
}

impl<K> fmt::Debug for Entry<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("slot", &self.slot.load()).finish_non_exhaustive()
    }
}

/// The number of places of the first table. It is small in a model, so that the table grows there.
const SMALLEST: usize = super::SMALLEST_TABLE;

pub(crate) struct Table<K: 'static> {
    /// A power of two, at most half in use, so that a probe ends.
    places: Box<[AtomicPtr<Entry<K>>]>,
    /// The number of places minus one.
    mask: usize,
    used: AtomicUsize,
    /// The table that this one replaced.
    #[expect(dead_code, reason = "kept, for who looks for leaks")]
    old: Option<&'static Self>,
}

/// All rows of a program. There is one such table, and models have their own.
pub(crate) struct Rows<K: 'static> {
    table: AtomicPtr<Table<K>>,
}

#[inline]
fn entry<K: 'static>(place: &AtomicPtr<Entry<K>>) -> Option<&'static Entry<K>> {
    // SAFETY: null, or from a `&'static Entry`, which was written before the pointer was published
    // with release.
    unsafe { place.load(Ordering::Acquire).as_ref() }
}

impl<K> Table<K> {
    /// The index of the place that the hash selects. A probe examines the places from there on up
    /// to the first free one; half of all places are free.
    #[inline]
    fn first(&self, hash: u32) -> usize {
        hash as usize & self.mask
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask
    }

    /// The number of places from `from` to `at`.
    fn behind(&self, from: usize, at: usize) -> usize {
        at.wrapping_sub(from) & self.mask
    }

    #[inline]
    fn place(&self, at: usize) -> &AtomicPtr<Entry<K>> {
        // SAFETY: there are `mask + 1` places, a power of two, as `grow` made them.
        unsafe { self.places.get_unchecked(at & self.mask) }
    }
}

impl<K> Rows<K> {
    /// An empty table, without memory.
    pub(crate) const fn new(table: AtomicPtr<Table<K>>) -> Self {
        Self { table }
    }

    #[inline]
    fn current(&self) -> Option<&'static Table<K>> {
        // SAFETY: null, or a leaked `Table`, whose fields were written before the pointer was
        // published with release, and which nobody frees, or changes but by its atomics.
        unsafe { self.table.load(Ordering::Acquire).as_ref() }
    }

    /// The slot word of the row with this hash whose key matches, if it is known. Never waits.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(&K) -> bool) -> Option<&'static RowSlot> {
        let table = self.current()?;
        let mut at = table.first(hash);
        loop {
            let entry = entry(table.place(at))?;
            // The hashes are not compared first: that would be one more compare for a key that
            // matches, and it mostly does.
            if is(&entry.key) {
                return Some(&entry.slot);
            }
            at = table.next(at);
        }
    }

    /// Adds a row that isn't in the table. The store's mutex makes this the only writer.
    pub(crate) fn insert(&self, entry: &'static Entry<K>) {
        let table = match self.current() {
            Some(table) if table.has_space() => table,
            old => self.grow(old),
        };
        table.put(entry);
    }

    /// Removes a row from the table, and its slot from all handles that were kept. Called under the
    /// store's mutex.
    ///
    /// A thread that has found the slot just before counts in it until its operation ends; it
    /// counts in no other series.
    pub(crate) fn remove(&self, gone: &'static Entry<K>) {
        gone.slot.forget();
        if let Some(table) = self.current() {
            table.take(gone);
        }
    }

    fn grow(&self, old: Option<&'static Table<K>>) -> &'static Table<K> {
        let places = old.map_or(SMALLEST, |old| old.places.len() * 2);
        let table: &'static Table<K> = Box::leak(Box::new(Table {
            places: (0..places).map(|_| AtomicPtr::default()).collect(),
            mask: places - 1,
            used: AtomicUsize::new(0),
            old,
        }));
        for known in old.into_iter().flat_map(|old| &old.places).filter_map(entry) {
            table.put(known);
        }
        // Release: a thread that sees the table sees its entries.
        self.table.store(core::ptr::from_ref(table).cast_mut(), Ordering::Release);
        table
    }
}

impl<K> Table<K> {
    fn has_space(&self) -> bool {
        (self.used.load(Ordering::Relaxed) + 1) * 2 <= self.places.len()
    }

    fn put(&self, entry: &'static Entry<K>) {
        let mut at = self.first(entry.hash);
        while !self.place(at).load(Ordering::Relaxed).is_null() {
            at = self.next(at);
        }
        self.set(at, entry);
        self.used.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&self, at: usize, entry: &'static Entry<K>) {
        // Release: a thread that sees the pointer sees the entry. Nobody writes through it.
        self.place(at).store(core::ptr::from_ref(entry).cast_mut(), Ordering::Release);
    }

    /// A lookup at the same time may meet an entry twice, or miss one that moves. If it misses, it
    /// asks under the mutex.
    fn take(&self, gone: &'static Entry<K>) {
        let mut free = self.first(gone.hash);
        loop {
            match entry(self.place(free)) {
                None => return,
                Some(known) if core::ptr::eq(known, gone) => break,
                Some(_) => free = self.next(free),
            }
        }
        let mut at = self.next(free);
        while let Some(entry) = entry(self.place(at)) {
            // Entries that could not be found any more behind a free place move into it.
            let home = self.first(entry.hash);
            if self.behind(home, at) >= self.behind(free, at) {
                self.set(free, entry);
                free = at;
            }
            at = self.next(at);
        }
        self.place(free).store(core::ptr::null_mut(), Ordering::Release);
        self.used.fetch_sub(1, Ordering::Relaxed);
    }
}
