//! A map and a set in ascending order, of little machine code.
//!
//! The standard library's B-tree is compiled anew for each pair of types, into 4 to 25 KiB. In a
//! program that declares one counter, it was a fifth of what headcount adds to it. This map has
//! entries in runs of at most [`MOST`], and finds one by two binary searches. A change moves the
//! entries of one run, and rarely the list of runs, so a million entries cost about as much each as
//! in a B-tree.

use core::borrow::Borrow;
use core::fmt;

/// The maximum number of entries of a run.
const MOST: usize = 128;

/// Entries in ascending order of their keys.
#[derive(Clone)]
pub(crate) struct SortedMap<K, V> {
    /// None of them is empty.
    runs: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> SortedMap<K, V> {
    pub(crate) const fn new() -> Self {
        Self { runs: Vec::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.runs.iter().flatten().map(|(key, value)| (key, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.runs.iter_mut().flatten().map(|(_, value)| value)
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// Keeps the entries for which `keep` returns `true`.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        for run in core::mem::take(&mut self.runs) {
            let mut run = run;
            run.retain_mut(|(key, value)| keep(key, value));
            // Joined, or many runs could have one entry each.
            match self.runs.last_mut() {
                Some(last) if last.len() + run.len() <= MOST => last.append(&mut run),
                _ if run.is_empty() => {}
                _ => self.runs.push(run),
            }
        }
        self.len = self.runs.iter().map(Vec::len).sum();
    }
}

/// Out of line, since it would be compiled in each place again.
impl<K: Ord, V> SortedMap<K, V> {
    /// The run and the position in it of a key, or those at which it would be inserted.
    #[inline(never)]
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<(usize, usize), (usize, usize)>
    where
        K: Borrow<Q>,
    {
        let begins_before =
            |run: &Vec<(K, V)>| run.first().is_some_and(|(first, _)| first.borrow() <= key);
        let run = self.runs.partition_point(begins_before).saturating_sub(1);
        let entries = self.runs.get(run).map_or(&[][..], Vec::as_slice);
        match entries.binary_search_by(|(known, _)| known.borrow().cmp(key)) {
            Ok(at) => Ok((run, at)),
            Err(at) => Err((run, at)),
        }
    }

    /// Inserts an entry at its place, and returns where that is then.
    #[inline(never)]
    fn insert_at(&mut self, (run, at): (usize, usize), entry: (K, V)) -> (usize, usize) {
        self.len += 1;
        let (mut run, mut at) = (run, at);
        let is_last = run + 1 == self.runs.len();
        match self.runs.get_mut(run) {
            None => {
                self.runs.push(Vec::new());
            }
            Some(entries) if entries.len() >= MOST => {
                // Entries that come in ascending order fill each run.
                let keeps = if is_last && at == entries.len() { MOST } else { MOST / 2 };
                let rest = entries.split_off(keeps);
                self.runs.insert(run + 1, rest);
                if at > keeps || keeps == MOST {
                    (run, at) = (run + 1, at - keeps);
                }
            }
            Some(_) => {}
        }
        self.runs[run].insert(at, entry);
        (run, at)
    }

    #[inline(never)]
    fn remove_at(&mut self, (run, at): (usize, usize)) -> (K, V) {
        self.len -= 1;
        let removed = self.runs[run].remove(at);
        if self.runs[run].is_empty() {
            self.runs.remove(run);
            return removed;
        }
        // Short runs are joined, or many could have one entry each.
        let is_short = |first: usize| {
            let pair = self.runs.get(first..).and_then(|runs| runs.get(..2));
            pair.is_some_and(|pair| pair[0].len() + pair[1].len() <= MOST / 2)
        };
        let before = run.saturating_sub(1);
        if let Some(first) = [run, before].into_iter().find(|first| is_short(*first)) {
            let mut next = self.runs.remove(first + 1);
            self.runs[first].append(&mut next);
        }
        removed
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    pub(crate) fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (run, at) = self.find(key).ok()?;
        let (key, value) = &self.runs[run][at];
        Some((key, value))
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (run, at) = self.find(key).ok()?;
        Some(&mut self.runs[run][at].1)
    }

    pub(crate) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Sets the value of a key, and returns its former one.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok((run, at)) => Some(core::mem::replace(&mut self.runs[run][at].1, value)),
            Err(place) => {
                self.insert_at(place, (key, value));
                None
            }
        }
    }

    /// The value of a key, which is inserted if there is none.
    pub(crate) fn or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let (run, at) = match self.find(&key) {
            Ok(place) => place,
            Err(place) => self.insert_at(place, (key, make())),
        };
        &mut self.runs[run][at].1
    }

    pub(crate) fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.or_insert_with(key, V::default)
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|place| self.remove_at(place).1)
    }

    pub(crate) fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.remove_at((0, 0)))
    }

    /// The entries from this key on.
    pub(crate) fn from<'a, Q: Ord + ?Sized>(
        &'a self,
        key: &Q,
    ) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V, Q>
    where
        K: Borrow<Q>,
    {
        let (Ok((run, at)) | Err((run, at))) = self.find(key);
        let runs = self.runs.get(run..).unwrap_or_default();
        runs.iter().flatten().skip(at).map(|(key, value)| (key, value))
    }

    /// The last entry whose key is not greater than this one.
    pub(crate) fn last_up_to<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (run, at) = match self.find(key) {
            Ok((run, at)) => (run, at),
            // The run begins before the key, unless it is the first one.
            Err((run, at)) => (run, at.checked_sub(1)?),
        };
        self.runs.get(run)?.get(at).map(|(key, value)| (key, value))
    }

    /// Moves the entries from this key on into another map.
    pub(crate) fn split_off<Q: Ord + ?Sized>(&mut self, key: &Q) -> Self
    where
        K: Borrow<Q>,
    {
        let (Ok((run, at)) | Err((run, at))) = self.find(key);
        let mut runs = self.runs.split_off(self.runs.len().min(run + 1));
        let rest = self.runs.get_mut(run).map(|run| run.split_off(at)).unwrap_or_default();
        self.runs.retain(|run| !run.is_empty());
        runs.insert(0, rest);
        runs.retain(|run| !run.is_empty());
        let len = runs.iter().map(Vec::len).sum();
        self.len -= len;
        Self { runs, len }
    }

    /// Removes the entries whose keys are in a range, and returns them.
    pub(crate) fn remove_range(&mut self, range: core::ops::Range<K>) -> Self {
        let mut removed = self.split_off(&range.start);
        let behind = removed.split_off(&range.end);
        self.runs.extend(behind.runs);
        self.len += behind.len;
        removed
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SortedMap<K, V> {}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = core::iter::Flatten<std::vec::IntoIter<Vec<(K, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.runs.into_iter().flatten()
    }
}

/// Items in ascending order, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SortedSet<T>(SortedMap<T, ()>);

impl<T> SortedSet<T> {
    pub(crate) const fn new() -> Self {
        Self(SortedMap::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.keys()
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.0.retain(|item, ()| keep(item));
    }
}

impl<T: Ord> SortedSet<T> {
    /// Returns whether the item was not there.
    pub(crate) fn insert(&mut self, item: T) -> bool {
        self.0.insert(item, ()).is_none()
    }

    pub(crate) fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains_key(item)
    }

    /// Returns whether the item was there.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.remove(item).is_some()
    }

    pub(crate) fn pop_first(&mut self) -> Option<T> {
        self.0.pop_first().map(|(item, ())| item)
    }
}

impl<T> IntoIterator for SortedSet<T> {
    type Item = T;
    type IntoIter = core::iter::Map<<SortedMap<T, ()> as IntoIterator>::IntoIter, fn((T, ())) -> T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(item, ())| item)
    }
}

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Ord> Extend<T> for SortedSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| _ = self.insert(item));
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut set = Self::new();
        set.extend(items);
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A source of numbers that are the same in each run.
    fn numbers() -> impl FnMut(u64) -> u64 {
        let mut state = 7_u64;
        move |below| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            (state >> 33) % below
        }
    }

    #[test]
    fn it_does_what_the_standard_librarys_does() {
        let mut next = numbers();
        for keys in [3, 50, 400, 5_000] {
            let (mut ours, mut theirs) = (SortedMap::new(), BTreeMap::new());
            // First more is inserted than removed, then the other way round.
            for round in 0..20_000_u64 {
                let key = next(keys);
                match (next(10), round < 12_000) {
                    (0..7, true) | (0..2, false) => {
                        assert_eq!(ours.insert(key, round), theirs.insert(key, round));
                    }
                    (7, _) => {
                        *ours.or_default(key) += 1;
                        *theirs.entry(key).or_default() += 1;
                    }
                    (8, _) if round % 1_000 < 3 => {
                        let (from, until) = (key, key + next(40));
                        let range = ours.remove_range(from..until);
                        let mut expected = theirs.split_off(&from);
                        theirs.append(&mut expected.split_off(&until));
                        assert!(range.iter().eq(expected.iter()));
                        assert_eq!(range.len(), expected.len());
                    }
                    (9, _) if round % 1_000 < 3 => {
                        ours.retain(|key, _| key % 5 != 0);
                        theirs.retain(|key, _| key % 5 != 0);
                    }
                    _ => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                }
                let key = next(keys);
                assert_eq!(ours.get(&key), theirs.get(&key));
                assert_eq!(ours.last_up_to(&key), theirs.range(..=key).next_back());
                assert_eq!(ours.from(&key).next(), theirs.range(key..).next());
                assert_eq!(ours.len(), theirs.len());
                if round % 100 == 0 {
                    assert!(ours.iter().eq(theirs.iter()));
                    assert!(ours.runs.iter().all(|run| (1..=MOST).contains(&run.len())));
                    assert!(ours.from(&key).eq(theirs.range(key..)));
                }
            }
            assert_eq!(ours, theirs.clone().into_iter().collect());
            while let Some(first) = theirs.pop_first() {
                assert_eq!(ours.pop_first(), Some(first));
            }
            assert!(ours.is_empty() && ours.pop_first().is_none());
        }
    }

    #[test]
    fn runs_are_filled_in_order_and_joined_when_short() {
        let mut map: SortedMap<usize, ()> = (0..100 * MOST).map(|key| (key, ())).collect();
        assert_eq!(map.runs.len(), 100);
        for key in (0..100 * MOST).filter(|key| key % 64 != 0) {
            map.remove(&key);
        }
        assert_eq!(map.len(), 200);
        assert!(map.runs.len() <= 8, "{}", map.runs.len());
    }
}
