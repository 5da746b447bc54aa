//! What was really done, in a file that several processes map: it outlives every one of them,
//! whatever kills them.
//!
//! A doer announces what it is about to do and acknowledges what it has done. So at every moment,
//! and for ever after a death, what is counted lies between what was acknowledged and what was
//! announced.
#![expect(unsafe_code, reason = "words that other processes write too")]

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use memmap2::{MmapOptions, MmapRaw};

/// Words in a file.
#[derive(Debug)]
pub struct Oracle {
    map: MmapRaw,
    words: usize,
}

impl Oracle {
    /// Maps so many words; the file is made if it isn't there, and then they are zeros.
    ///
    /// The file must not be cut while it is mapped.
    pub fn map(path: &Path, words: usize) -> Self {
        let options =
            File::options().create(true).truncate(false).read(true).write(true).open(path);
        let file = options.expect("a file for the oracle");
        file.set_len((words * 8) as u64).expect("space for the oracle");
        let map = MmapOptions::new().len(words * 8).map_raw(&file).expect("a mapping");
        Self { map, words }
    }

    /// One word.
    pub fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at < self.words, "the oracle has {} words", self.words);
        // SAFETY: within the mapping, as just checked.
        let word = unsafe { self.map.as_mut_ptr().add(at * 8) };
        // SAFETY: aligned, since a mapping begins at a page; valid for as long as `self` is
        // borrowed, accessed as atomics only, by every process.
        unsafe { AtomicU64::from_ptr(word.cast()) }
    }

    /// The account at this place, which takes two words.
    pub fn account(&self, number: usize) -> Account<'_> {
        Account { announced: self.word(2 * number), acknowledged: self.word(2 * number + 1) }
    }
}

/// What is done of one kind, by one thread or by several.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    announced: &'a AtomicU64,
    acknowledged: &'a AtomicU64,
}

impl Account<'_> {
    /// Does it, with everything on record.
    pub fn enter(self, amount: u64, act: impl FnOnce()) {
        self.announce(amount);
        act();
        self.acknowledge(amount);
    }

    /// Says that it is about to be done: it is not seen before that.
    pub fn announce(self, amount: u64) {
        self.announced.fetch_add(amount, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Says that it was done: not before it is.
    pub fn acknowledge(self, amount: u64) {
        fence(Ordering::SeqCst);
        self.acknowledged.fetch_add(amount, Ordering::Release);
    }

    /// Does it, where it sets something to a number that is greater than all before: then both
    /// words are such numbers, not sums.
    pub fn raise(self, to: u64, act: impl FnOnce()) {
        self.announced.store(to, Ordering::Release);
        fence(Ordering::SeqCst);
        act();
        fence(Ordering::SeqCst);
        self.acknowledged.store(to, Ordering::Release);
    }

    /// At least so much was begun; read it after what it is compared with.
    pub fn announced(self) -> u64 {
        fence(Ordering::SeqCst);
        self.announced.load(Ordering::Acquire)
    }

    /// So much was done; read it before what it is compared with.
    pub fn acknowledged(self) -> u64 {
        let done = self.acknowledged.load(Ordering::Acquire);
        fence(Ordering::SeqCst);
        done
    }

    /// The doer is dead, and this is what it came to: what was begun is done, or never was.
    pub fn settle(self, value: u64) {
        self.announced.store(value, Ordering::Release);
        self.acknowledged.store(value, Ordering::Release);
    }
}
