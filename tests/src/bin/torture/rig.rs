//! The rig: what was really done, and how what is seen is compared with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use headcount::{Collector, Snapshot};
use headcount_tests::oracle::{Account, Oracle};
use headcount_tests::page::Page;

use crate::kinds::{Counted, GANGS, KINDS, Kind, MEMBERS};
use crate::presence::{self, Presence};

/// Words of the oracle behind the accounts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tally {
    /// Not 0: the time is up.
    Over,
    /// Not 0: someone saw something wrong, and everyone stops.
    Wrong,
    Scrapes,
    /// Exemplars that were seen, by all scrapers together.
    Exemplars,
    Generations,
    Compacted,
    Forks,
    /// Forks of signal handlers.
    Strays,
    /// Series that were removed, and logs that were rewritten without such.
    Removed,
    Rewritten,
    Lost,
    Doubled,
    /// A live gauge of a dead process was seen so often.
    Haunted,
}

const TALLIES: usize = Tally::Haunted as usize + 1;
/// Words of each gang behind the tallies: its next ticket, who of it lives, and how much more than
/// one operation of each member may be under way.
const GANG_WORDS: usize = 1 + presence::WORDS + 1;
const ACCOUNT_WORDS: usize = 2 * GANGS * MEMBERS * KINDS.len();

#[derive(Debug)]
pub(super) struct Rig {
    pub(super) directory: PathBuf,
    /// Kept from one settlement to the next: it remembers logs, the archive, and which series are
    /// alike.
    pub(super) settler: Collector,
    oracle: Oracle,
    pub(super) seed: u64,
}

impl Rig {
    pub(super) fn new(folder: &Path, seed: u64) -> Self {
        let directory = folder.join("segments");
        fs::create_dir_all(&directory).expect("a directory");
        let words = ACCOUNT_WORDS + TALLIES + GANGS * GANG_WORDS;
        let oracle = Oracle::map(&folder.join("oracle"), words);
        let settler = Collector::from_directory(&directory).auto_compact(false);
        Self { directory, settler, oracle, seed }
    }

    pub(super) fn account(&self, gang: usize, member: usize, kind: Kind) -> Account<'_> {
        self.oracle.account((gang * MEMBERS + member) * KINDS.len() + kind as usize)
    }

    pub(super) fn tally(&self, what: Tally) -> &AtomicU64 {
        self.oracle.word(ACCOUNT_WORDS + what as usize)
    }

    fn gang_word(&self, gang: usize, word: usize) -> &AtomicU64 {
        self.oracle.word(ACCOUNT_WORDS + TALLIES + gang * GANG_WORDS + word)
    }

    /// A number greater than all that the gang has drawn before.
    pub(super) fn ticket(&self, gang: usize) -> u64 {
        self.gang_word(gang, 0).fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The last of these numbers.
    pub(super) fn last_ticket(&self, gang: usize) -> u64 {
        self.gang_word(gang, 0).load(Ordering::SeqCst)
    }

    pub(super) fn presence(&self, gang: usize) -> Presence<'_> {
        Presence::new([1, 2, 3, 4, 5].map(|word| self.gang_word(gang, word)))
    }

    /// How many operations may have been announced, beside one of each member, that never came to
    /// their end.
    pub(super) fn loose_ends(&self, gang: usize) -> &AtomicU64 {
        self.gang_word(gang, GANG_WORDS - 1)
    }

    pub(super) fn add(&self, what: Tally, n: u64) {
        self.tally(what).fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn get(&self, what: Tally) -> u64 {
        self.tally(what).load(Ordering::Relaxed)
    }

    pub(super) fn is_over(&self) -> bool {
        self.get(Tally::Over) + self.get(Tally::Wrong) > 0
    }

    pub(super) fn fail(&self, what: &str) {
        // One thing that is wrong makes many.
        if self.tally(Tally::Wrong).fetch_add(1, Ordering::Relaxed) < 10 {
            println!("WRONG: {what}");
        }
    }

    pub(super) fn announced(&self) -> Counted {
        totals(|gang, member, kind| self.account(gang, member, kind).announced())
    }

    pub(super) fn acknowledged(&self) -> Counted {
        totals(|gang, member, kind| self.account(gang, member, kind).acknowledged())
    }

    pub(super) fn compare(&self, what: &str, done: u64, counted: u64, begun: u64) {
        if counted < done || counted > begun {
            self.add(Tally::Lost, done.saturating_sub(counted));
            self.add(Tally::Doubled, counted.saturating_sub(begun));
            self.fail(&format!("{what}: {done} done, {begun} begun, {counted} counted"));
        }
    }

    pub(super) fn collector(&self, compacts: bool) -> Collector {
        Collector::from_directory(&self.directory).auto_compact(compacts)
    }

    /// A snapshot that left nothing out, and whose page a strict reader takes: buckets that don't
    /// fall, counts that are the last bucket's.
    pub(super) fn scrape(&self, collector: &Collector, who: &str) -> Option<Snapshot> {
        let snapshot = match collector.collect() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.fail(&format!("{who} failed: {error}"));
                return None;
            }
        };
        if let Some(skipped) = snapshot.skipped().first() {
            self.fail(&format!("{who} skipped something: {skipped}"));
        }
        if let Err(error) = Page::parse(&snapshot.to_text()) {
            self.fail(&format!("{who} has a page that can't be read: {error}"));
        }
        self.check_exemplars(&snapshot, who);
        Some(snapshot)
    }
}

/// What all members of each gang come to.
fn totals(of: impl Fn(usize, usize, Kind) -> u64) -> Counted {
    let mut totals = Counted::default();
    for (gang, kinds) in totals.iter_mut().enumerate() {
        for (kind, total) in KINDS.into_iter().zip(kinds) {
            // The first comes last: a settlement adds to it before it takes from the others.
            *total = kind.total((0..MEMBERS).rev().map(|member| of(gang, member, kind)));
        }
    }
    totals
}
