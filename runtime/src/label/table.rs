//! From a key (a site and its label values) to a slot: append-only, looked up without a lock.
//!
//! Open addressing over pointers to entries that are never freed, and of which only the slot changes. Inserts are serialised by the store's mutex;
//! a lookup that races with one may miss it and then asks under the mutex. A table that fills up is replaced by one twice the size, and
//! the old one is left to those who are reading it: all the old ones together are smaller than the newest. It stays reachable, so that
//! whoever looks for leaks in a program with this library in it finds none.
//!
//! Slots outlive forks, so the table does too: a child finds its parent's rows in it, at the same slots.
#![expect(unsafe_code, reason = "pointers to leaked entries")]

use super::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// In this order, so that what a look-up mostly reads, the slot and the key's first words, stands together: in one cache line or in two neighbours. In lines
/// of their own entries took so much more memory that look-ups among 100,000 were no faster.
#[repr(C)]
struct Entry<K> {
    /// What may change: a series that was removed has none, until it comes back with another.
    slot: AtomicU32,
    /// As much of it as chooses a place.
    hash: u32,
    key: K,
}

/// Places of the first table; in a model few, so that it grows.
const SMALLEST: usize = super::SMALLEST_TABLE;
/// No slot.
pub(crate) const GONE: u32 = u32::MAX;

pub(crate) struct Table<K: 'static> {
    /// A power of two of them, at most half in use, so that a probe ends.
    places: Box<[AtomicPtr<Entry<K>>]>,
    /// One less than there are places.
    mask: usize,
    used: AtomicUsize,
    /// The one that it replaced.
    #[expect(dead_code, reason = "kept, for who looks for leaks")]
    old: Option<&'static Self>,
}

/// All rows of a program; there is one, and models have their own.
pub(crate) struct Rows<K: 'static> {
    table: AtomicPtr<Table<K>>,
}

#[inline]
fn entry<K: 'static>(place: &AtomicPtr<Entry<K>>) -> Option<&'static Entry<K>> {
    // SAFETY: null, or a leaked `Entry`, which was written before the pointer was published with release, and which nobody frees or changes but by
    // its atomics.
    unsafe { place.load(Ordering::Acquire).as_ref() }
}

impl<K> Table<K> {
    /// The number of the place that the hash names. From there on all places are looked at in turn, till a free one; half of them are.
    #[inline]
    fn first(&self, hash: u32) -> usize {
        hash as usize & self.mask
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask
    }

    #[inline]
    fn place(&self, at: usize) -> &AtomicPtr<Entry<K>> {
        // SAFETY: there are `mask + 1` places, a power of two, as `grow` made them.
        unsafe { self.places.get_unchecked(at & self.mask) }
    }
}

impl<K: PartialEq> Rows<K> {
    /// No rows, in a table that is null.
    pub(crate) const fn new(table: AtomicPtr<Table<K>>) -> Self {
        Self { table }
    }

    #[inline]
    fn current(&self) -> Option<&'static Table<K>> {
        // SAFETY: null, or a leaked `Table`, whose fields were written before the pointer was published with release, and
        // which nobody changes or frees.
        unsafe { self.table.load(Ordering::Acquire).as_ref() }
    }

    #[inline]
    fn find_entry(&self, hash: u32, is: impl Fn(&K) -> bool) -> Option<&'static Entry<K>> {
        let table = self.current()?;
        let mut at = table.first(hash);
        loop {
            let entry = entry(table.place(at))?;
            // Not the hashes first: that is one more compare where the key is the right one, and it mostly is.
            if is(&entry.key) {
                return Some(entry);
            }
            at = table.next(at);
        }
    }

    /// The slot of the row with this hash whose key is the right one, if it is known. Waits for nobody.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(&K) -> bool) -> Option<u32> {
        self.find_or_gone(hash, is).filter(|slot| *slot != GONE)
    }

    /// The same; or [`GONE`], if it was removed.
    #[inline]
    pub(crate) fn find_or_gone(&self, hash: u32, is: impl Fn(&K) -> bool) -> Option<u32> {
        // Acquire: whoever sees the slot sees the blocks behind it.
        Some(self.find_entry(hash, is)?.slot.load(Ordering::Acquire))
    }

    /// Adds a row, or gives one that was removed its new slot. Under the store's mutex, which makes this the only writer.
    pub(crate) fn insert(&self, hash: u32, key: K, slot: u32) {
        if let Some(entry) = self.find_entry(hash, |known| *known == key) {
            entry.slot.store(slot, Ordering::Release);
            return;
        }
        let entry = Box::new(Entry { slot: AtomicU32::new(slot), key, hash });
        let table = match self.current() {
            Some(table) if table.has_room() => table,
            old => self.grow(old),
        };
        table.put(Box::leak(entry));
    }

    /// Takes their slot from all rows that have one of these. Under the store's mutex.
    ///
    /// A thread that has found one just before counts in it, where nobody looks any more; in no other series.
    ///
    /// Tells the keys whose they were, with the slot: two may share a series.
    pub(crate) fn forget(&self, is_gone: impl Fn(u32) -> bool, mut was: impl FnMut(&K, u32)) {
        let entries = self.current().into_iter().flat_map(|table| &table.places).filter_map(entry);
        for entry in entries {
            let slot = entry.slot.load(Ordering::Relaxed);
            if is_gone(slot) {
                entry.slot.store(GONE, Ordering::Release);
                was(&entry.key, slot);
            }
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
        // Release: whoever sees the table sees its entries.
        self.table.store(core::ptr::from_ref(table).cast_mut(), Ordering::Release);
        table
    }
}

impl<K> Table<K> {
    fn has_room(&self) -> bool {
        (self.used.load(Ordering::Relaxed) + 1) * 2 <= self.places.len()
    }

    fn put(&self, entry: &'static Entry<K>) {
        let mut at = self.first(entry.hash);
        while !self.place(at).load(Ordering::Relaxed).is_null() {
            at = self.next(at);
        }
        // Release: whoever sees the pointer sees the entry. Nobody writes through it.
        self.place(at).store(core::ptr::from_ref(entry).cast_mut(), Ordering::Release);
        self.used.fetch_add(1, Ordering::Relaxed);
    }
}
