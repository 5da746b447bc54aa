//! From a key (a site and its label values) to the word that says the row's slot, looked up without
//! a lock.
//!
//! Open addressing over pointers to entries. Inserts and removals are serialised by the store's
//! mutex; a lookup that races with one may miss a row
//! and then asks under the mutex. A table that fills up is replaced by one twice the size, and the
//! old one is left to those who are reading it: all the
//! old ones together are smaller than the newest. It stays reachable, so that whoever looks for
//! leaks in a program with this library in
//! it finds none.
//!
//! A removed row leaves no mark: those behind it move up. So the table is as large as the most rows
//! that there ever were at one time ask for, however many
//! have come and gone.
//!
//! Slots outlive forks, so the table does too: a child finds its parent's rows in it, at the same slots.
#![expect(unsafe_code, reason = "pointers to entries that are never given back")]

use core::fmt;

use super::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// Where a row's slot stands, at an address that is no other row's, ever: whoever kept it finds out
/// that the row is gone. It holds the slot and one more, so
/// that 0 means gone: that is what memory reads as when the kernel has taken it back.
#[allow(unreachable_pub, reason = "in the signature of a hidden trait, but not in the model")]
#[repr(transparent)]
#[derive(Debug)]
pub struct RowSlot(pub(super) AtomicU32);

/// The slot of a row that was removed. Above every limit, so that the one compare of the hot path
/// catches it.
pub(crate) const GONE: u32 = u32::MAX;

impl RowSlot {
    pub(crate) fn new(slot: u32) -> Self {
        Self(AtomicU32::new(slot.wrapping_add(1)))
    }

    /// [`GONE`] once the row was removed.
    #[inline]
    pub(crate) fn load(&self) -> u32 {
        // Acquire: whoever sees the slot sees the blocks behind it.
        self.0.load(Ordering::Acquire).wrapping_sub(1)
    }

    /// A row that waited for room has got its cells.
    #[allow(dead_code, reason = "used by rows, but not in the model")]
    pub(crate) fn assign(&self, slot: u32) {
        // Release: whoever sees the slot sees the blocks behind it.
        self.0.store(slot.wrapping_add(1), Ordering::Release);
    }

    /// The row is gone, for all who kept this.
    pub(crate) fn forget(&self) {
        self.0.store(0, Ordering::Release);
    }
}

/// In this order, so that what a look-up mostly reads, the slot and the key's first words, stands together: in one cache line or in two neighbours. In lines
/// of their own entries took so much more memory that look-ups among 100,000 were no faster.
#[repr(C)]
pub(crate) struct Entry<K> {
    /// All that may change.
    pub(crate) slot: RowSlot,
    /// As much of it as chooses a place.
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

/// Places of the first table; in a model few, so that it grows.
const SMALLEST: usize = super::SMALLEST_TABLE;

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
    // SAFETY: null, or from a `&'static Entry`, which was written before the pointer was published
    // with release.
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

    /// How many places `at` is behind `from`.
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
    /// No rows, in a table that is null.
    pub(crate) const fn new(table: AtomicPtr<Table<K>>) -> Self {
        Self { table }
    }

    #[inline]
    fn current(&self) -> Option<&'static Table<K>> {
        // SAFETY: null, or a leaked `Table`, whose fields were written before the pointer was published with release, and
        // which nobody frees, or changes but by its atomics.
        unsafe { self.table.load(Ordering::Acquire).as_ref() }
    }

    /// Where the slot stands of the row with this hash whose key is the right one, if it is known.
    /// Waits for nobody.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(&K) -> bool) -> Option<&'static RowSlot> {
        let table = self.current()?;
        let mut at = table.first(hash);
        loop {
            let entry = entry(table.place(at))?;
            // Not the hashes first: that is one more compare where the key is the right one, and it mostly is.
            if is(&entry.key) {
                return Some(&entry.slot);
            }
            at = table.next(at);
        }
    }

    /// Adds a row that isn't there. Under the store's mutex, which makes this the only writer.
    pub(crate) fn insert(&self, entry: &'static Entry<K>) {
        let table = match self.current() {
            Some(table) if table.has_room() => table,
            old => self.grow(old),
        };
        table.put(entry);
    }

    /// Takes a row out, and its slot from those who keep it. Under the store's mutex.
    ///
    /// A thread that has found the slot just before counts in it for as long as its operation
    /// takes; in no other series.
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
        self.set(at, entry);
        self.used.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&self, at: usize, entry: &'static Entry<K>) {
        // Release: whoever sees the pointer sees the entry. Nobody writes through it.
        self.place(at).store(core::ptr::from_ref(entry).cast_mut(), Ordering::Release);
    }

    /// Whoever probes meanwhile may meet an entry twice, or miss one that moves: then it asks under
    /// the mutex.
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
            // Those that would not be found any more behind a free place move there.
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
