//! All keys of a directory, each once. The files of the processes of one program have the same
//! keys, mostly in the same order, so a key is parsed once and nearly always found by comparing it
//! with the one that followed last time.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::key::{Fault, Key};

/// The number of a key in the table.
pub(super) type KeyId = u32;

const NONE: KeyId = KeyId::MAX;

/// The keys by their bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyTable {
    /// The bytes of all keys, one behind the other.
    text: Vec<u8>,
    keys: Vec<Known>,
    /// The key that was added last of those with this hash. Hashed with a random seed, so label
    /// values cannot be chosen to make it slow.
    by_hash: HashMap<u64, KeyId>,
    seed: RandomState,
}

#[derive(Debug, Clone)]
struct Known {
    start: usize,
    end: usize,
    key: Result<Key, Fault>,
    /// The one before it with the same hash.
    same_hash: KeyId,
    /// The key that followed last.
    next: KeyId,
}

impl KeyTable {
    /// The number of the key with these bytes, which follows `before` in its file.
    pub(super) fn find(&mut self, bytes: &[u8], before: Option<KeyId>) -> KeyId {
        let guess = before.and_then(|before| self.keys.get(before as usize));
        if let Some(guess) = guess.map(|before| before.next) {
            if self.is(guess, bytes) {
                return guess;
            }
        }
        let found = self.look_up(bytes);
        if let Some(before) = before.and_then(|before| self.keys.get_mut(before as usize)) {
            before.next = found;
        }
        found
    }

    fn is(&self, id: KeyId, bytes: &[u8]) -> bool {
        let known = self.keys.get(id as usize);
        known.is_some_and(|known| self.text.get(known.start..known.end) == Some(bytes))
    }

    fn look_up(&mut self, bytes: &[u8]) -> KeyId {
        let hash = self.seed.hash_one(bytes);
        let first = self.by_hash.get(&hash).copied().unwrap_or(NONE);
        let mut id = first;
        while let Some(known) = self.keys.get(id as usize) {
            if self.is(id, bytes) {
                return id;
            }
            id = known.same_hash;
        }
        // A file has at most 2^31 bytes, and a pass has a limit on all of them.
        let id = KeyId::try_from(self.keys.len()).unwrap_or(NONE);
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        let (end, key) = (self.text.len(), Key::parse(bytes));
        self.keys.push(Known { start, end, key, same_hash: first, next: NONE });
        self.by_hash.insert(hash, id);
        id
    }

    pub(super) fn get(&self, id: KeyId) -> Result<&Key, Fault> {
        match self.keys.get(id as usize).map(|known| &known.key) {
            Some(key) => key.as_ref().map_err(|fault| *fault),
            None => Err(Fault::NotAKey),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// About the bytes of memory that it takes.
    pub(super) fn size(&self) -> u64 {
        let each = size_of::<Known>() + size_of::<(u64, KeyId)>() * 2 + 4 * size_of::<String>();
        // The text, and once more in parts.
        (self.text.len() * 2 + self.keys.len() * each) as u64
    }
}
