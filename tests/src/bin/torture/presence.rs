//! Who of a gang lives, as far as anyone can know it: so that a scraper can tell a live gauge of
//! the dead, and one of the living that is missing.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::kinds::{Gang, present};

/// The words of one gang's.
pub(super) const WORDS: usize = 5;

/// The two processes of a gang.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Leader,
    Child,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Presence<'a> {
    /// Processes that were about to be started.
    comers: &'a AtomicU64,
    /// Processes that were seen dead.
    goners: &'a AtomicU64,
    /// Odd from before anyone is killed until all are gone.
    threats: &'a AtomicU64,
    /// By role: not 0 while the process has set its gauge and isn't about to end; no two have the
    /// same number.
    here: [&'a AtomicU64; 2],
}

/// What is known at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    comers: u64,
    goners: u64,
    threats: u64,
    here: [u64; 2],
}

impl<'a> Presence<'a> {
    pub(super) fn new([comers, goners, threats, leader, child]: [&'a AtomicU64; WORDS]) -> Self {
        Self { comers, goners, threats, here: [leader, child] }
    }

    /// Somebody is about to be started.
    pub(super) fn expect(self) {
        self.comers.fetch_add(1, SeqCst);
    }

    /// In the process: it has set its gauge when this returns.
    pub(super) fn enter(self, gang: Gang, role: Role) {
        let number = self.comers.load(SeqCst);
        present(gang).set(1.0);
        self.here[role as usize].store(number, SeqCst);
    }

    /// The process is about to end.
    pub(super) fn leave(self, role: Role) {
        self.here[role as usize].store(0, SeqCst);
    }

    /// One process was seen dead.
    pub(super) fn bury(self) {
        self.goners.fetch_add(1, SeqCst);
    }

    /// Somebody is about to be killed. Only the rig does that.
    pub(super) fn threaten(self) {
        self.threats.fetch_or(1, SeqCst);
    }

    /// All are dead.
    pub(super) fn clear(self) {
        for here in self.here {
            here.store(0, SeqCst);
        }
        self.goners.store(self.comers.load(SeqCst), SeqCst);
        let threats = self.threats.load(SeqCst);
        self.threats.store(threats + threats % 2, SeqCst);
    }

    pub(super) fn look(self) -> Known {
        Known {
            goners: self.goners.load(SeqCst),
            threats: self.threats.load(SeqCst),
            here: self.here.map(|here| here.load(SeqCst)),
            comers: self.comers.load(SeqCst),
        }
    }
}

impl Known {
    /// How many processes live at least, and at most, at every moment between this one and a later
    /// one.
    pub(super) fn bounds(self, later: Self) -> (u64, u64) {
        let stayed = self
            .here
            .iter()
            .zip(later.here)
            .filter(|(before, after)| **before != 0 && **before == *after);
        let is_safe = self.threats % 2 == 0 && self.threats == later.threats;
        let least = if is_safe { stayed.count() as u64 } else { 0 };
        (least, later.comers - self.goners)
    }
}
