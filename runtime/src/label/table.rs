//! From a site (its address, used as a number) and its label values to a slot: append-only, looked up without a lock.
//!
//! Open addressing over pointers to entries that are never freed, and of which only the slot changes. Inserts are serialised by the store's mutex;
//! a lookup that races with one may miss it and then asks under the mutex. A table that fills up is replaced by one twice the size, and
//! the old one is left to those who are reading it: all the old ones together are smaller than the newest.
//!
//! Slots outlive forks, so the table does too: a child finds its parent's rows in it, at the same slots.
#![expect(unsafe_code, reason = "pointers to leaked entries")]

use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

struct Entry {
    hash: u64,
    site: usize,
    /// What may change: a series that was removed has none, until it comes back with another.
    slot: AtomicU32,
    values: Box<[u8]>,
}

/// No slot.
const GONE: u32 = u32::MAX;

struct Table {
    /// A power of two of them, at most half in use, so that a probe ends.
    places: Box<[AtomicPtr<Entry>]>,
    used: AtomicUsize,
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(core::ptr::null_mut());

#[inline]
fn current() -> Option<&'static Table> {
    // SAFETY: null, or a leaked `Table`, whose fields were written before the pointer was published with release, and
    // which nobody changes or frees.
    unsafe { TABLE.load(Ordering::Acquire).as_ref() }
}

#[inline]
fn entry(place: &AtomicPtr<Entry>) -> Option<&'static Entry> {
    // SAFETY: as in `current`, for entries.
    unsafe { place.load(Ordering::Acquire).as_ref() }
}

impl Table {
    /// All places, beginning with the one the hash names; without end, but at least half of them are free.
    #[inline]
    fn probe(&self, hash: u64) -> impl Iterator<Item = &AtomicPtr<Entry>> {
        #[expect(clippy::cast_possible_truncation, reason = "the low bits choose")]
        let mut next = hash as usize;
        core::iter::from_fn(move || {
            let place = self.places.get(next & self.places.len().wrapping_sub(1));
            next = next.wrapping_add(1);
            place
        })
    }
}

#[inline]
fn find_entry(hash: u64, site: usize, are: impl Fn(&[u8]) -> bool) -> Option<&'static Entry> {
    let table = current()?;
    for place in table.probe(hash) {
        let entry = entry(place)?;
        if entry.hash == hash && entry.site == site && are(&entry.values) {
            return Some(entry);
        }
    }
    None
}

/// The slot of the row with this hash whose values are the right ones, if it is known. Waits for nobody.
#[inline]
pub(crate) fn find(hash: u64, site: usize, are: impl Fn(&[u8]) -> bool) -> Option<u32> {
    // Acquire: whoever sees the slot sees the blocks behind it.
    let slot = find_entry(hash, site, are)?.slot.load(Ordering::Acquire);
    (slot != GONE).then_some(slot)
}

/// Adds a row, or gives one that was removed its new slot. Under the store's mutex, which makes this the only writer.
pub(crate) fn insert(hash: u64, site: usize, values: &[u8], slot: u32) {
    if let Some(entry) = find_entry(hash, site, |known| known == values) {
        entry.slot.store(slot, Ordering::Release);
        return;
    }
    let slot = AtomicU32::new(slot);
    let entry = Box::new(Entry { hash, site, slot, values: values.into() });
    let table = match current() {
        Some(table) if table.has_room() => table,
        old => grow(old),
    };
    table.put(Box::leak(entry));
}

/// Takes their slot from all rows that have one of these. Under the store's mutex.
///
/// A thread that has found one just before counts in it, where nobody looks any more; in no other series.
pub(crate) fn forget(is_gone: impl Fn(u32) -> bool) {
    let entries = current().into_iter().flat_map(|table| &table.places).filter_map(entry);
    for entry in entries.filter(|entry| is_gone(entry.slot.load(Ordering::Relaxed))) {
        entry.slot.store(GONE, Ordering::Release);
    }
}

impl Table {
    fn has_room(&self) -> bool {
        (self.used.load(Ordering::Relaxed) + 1) * 2 <= self.places.len()
    }

    fn put(&self, entry: &'static Entry) {
        let free = self.probe(entry.hash).find(|place| place.load(Ordering::Relaxed).is_null());
        if let Some(place) = free {
            // Release: whoever sees the pointer sees the entry. Nobody writes through it.
            place.store(core::ptr::from_ref(entry).cast_mut(), Ordering::Release);
            self.used.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn grow(old: Option<&'static Table>) -> &'static Table {
    let places = old.map_or(64, |old| old.places.len() * 2);
    let table: &'static Table = Box::leak(Box::new(Table {
        places: (0..places).map(|_| AtomicPtr::default()).collect(),
        used: AtomicUsize::new(0),
    }));
    for known in old.into_iter().flat_map(|old| &old.places).filter_map(entry) {
        table.put(known);
    }
    // Release: whoever sees the table sees its entries.
    TABLE.store(core::ptr::from_ref(table).cast_mut(), Ordering::Release);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_again_after_the_table_grew() {
        // A quarter of the hashes are equal.
        let hash = |i: u32| u64::from(i / 4);
        for i in 0..1000_u32 {
            let values = i.to_le_bytes();
            for site in [1, 2] {
                assert_eq!(find(hash(i), site, |v| v == values), None);
                insert(hash(i), site, &values, i * 10 + u32::try_from(site).unwrap());
            }
        }
        for i in 0..1000_u32 {
            let values = i.to_le_bytes();
            assert_eq!(find(hash(i), 1, |v| v == values), Some(i * 10 + 1));
            assert_eq!(find(hash(i), 2, |v| v == values), Some(i * 10 + 2));
            assert_eq!(find(hash(i), 3, |v| v == values), None);
        }
        let values = 500_u32.to_le_bytes();
        forget(|slot| slot == 5001);
        assert_eq!(find(hash(500), 1, |v| v == values), None);
        assert_eq!(find(hash(500), 2, |v| v == values), Some(5002));
        insert(hash(500), 1, &values, 7);
        assert_eq!(find(hash(500), 1, |v| v == values), Some(7));
    }
}
