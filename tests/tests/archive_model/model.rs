//! The states of the model, and the steps from each.

use crate::Outcome;

/// A rule of the protocol that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Nothing,
    /// The archive doesn't say which segments it contains.
    NoTombstones,
    /// Segments are unlinked before the archive that contains them has its name.
    UnlinkFirst,
    /// A scrape reads the archive before the segments.
    ArchiveFirst,
    /// A tombstone's age counts from its compaction, not from when its file was last seen.
    AgeFromCompaction,
    /// A scrape doesn't look whether the archive went on without it.
    NoGenerationCheck,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Generations for which a tombstone outlives its file, and by which the archive may go on
    /// during a scrape.
    pub(crate) kept: u8,
    pub(crate) broken: Broken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Unborn,
    Alive,
    Dead,
}

/// What the running scrape knows of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    NotYet,
    /// Not in the listing, or gone when it was to be read.
    Gone,
    Listed,
    Read,
}

/// Generations since its file was last seen, and since it was compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tombstone {
    seen: u8,
    compacted: u8,
}

#[expect(clippy::struct_excessive_bools, reason = "what is true of it is what a model is made of")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    life: Life,
    /// Its file has its name.
    file: bool,
    /// How often the archive contains it; 2 stands for more, too.
    archived: u8,
    tombstone: Option<Tombstone>,
    /// The compactor's listing shows it.
    listed: bool,
    /// The compactor is about to compact it.
    chosen: bool,
    /// It was complete when the scrape began.
    owed: bool,
    seen: Seen,
    /// What the archive that the scrape has read says: for the scrape that reads it first.
    early: (u8, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compactor {
    Idle,
    Listed,
    /// The new archive is written, under a temporary name.
    Written,
    /// The new archive has its name; or the old one is as good, and what it contains can be
    /// unlinked.
    Renamed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scraper {
    Idle,
    Listing,
    Reading,
}

/// All that there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    segments: Vec<Segment>,
    compactor: Compactor,
    scraper: Scraper,
    /// Generations since the scrape looked first.
    behind: u8,
}

impl State {
    /// A living segment, and others that will come.
    pub(crate) fn first(segments: usize) -> Self {
        let segment = Segment {
            life: Life::Unborn,
            file: false,
            archived: 0,
            tombstone: None,
            listed: false,
            chosen: false,
            owed: false,
            seen: Seen::NotYet,
            early: (0, false),
        };
        Self {
            segments: vec![segment; segments],
            compactor: Compactor::Idle,
            scraper: Scraper::Idle,
            behind: 0,
        }
    }

    /// As one number. Segments are interchangeable: of states that differ in their order one is
    /// looked at.
    pub(crate) fn key(&self) -> u128 {
        let mut segments: Vec<u32> = self.segments.iter().map(Segment::key).collect();
        segments.sort_unstable();
        let head = [self.compactor as u8, self.scraper as u8, self.behind];
        let head = head.into_iter().fold(0, |key, part| key << 3 | u128::from(part));
        segments.into_iter().fold(head, |key, segment| key << 24 | u128::from(segment))
    }

    /// Everything that can happen next, with its name.
    pub(crate) fn successors(&self, rules: Rules, found: &mut impl FnMut(&'static str, Outcome)) {
        self.lives(found);
        self.compact(rules, found);
        self.scrape(rules, found);
    }

    fn lives(&self, found: &mut impl FnMut(&'static str, Outcome)) {
        for (i, segment) in self.segments.iter().enumerate() {
            let (step, life) = match segment.life {
                Life::Unborn => ("a process makes its segment", Life::Alive),
                Life::Alive => ("a process dies", Life::Dead),
                Life::Dead => continue,
            };
            found(
                step,
                self.with(|next| {
                    next.segments[i].life = life;
                    next.segments[i].file |= segment.life == Life::Unborn;
                }),
            );
        }
    }

    pub(crate) fn compact(&self, rules: Rules, found: &mut impl FnMut(&'static str, Outcome)) {
        match self.compactor {
            Compactor::Idle => found(
                "the compactor takes the lock and lists",
                self.with(|next| {
                    next.compactor = Compactor::Listed;
                    for segment in &mut next.segments {
                        segment.listed = segment.file;
                    }
                }),
            ),
            Compactor::Listed => {
                found(
                    "the compactor finds nothing to compact",
                    self.with(|next| next.compactor = Compactor::Renamed),
                );
                // Any of the dead: a generation is bounded.
                for chosen in 0..1_u32 << self.segments.len() {
                    let is_chosen = |i: usize| chosen >> i & 1 == 1;
                    let may = |s: &Segment| {
                        s.listed && s.file && s.life == Life::Dead && s.tombstone.is_none()
                    };
                    if self.segments.iter().enumerate().any(|(i, s)| is_chosen(i) && !may(s)) {
                        continue;
                    }
                    found(
                        "the compactor reads the dead and writes an archive",
                        self.with(|next| {
                            next.compactor = Compactor::Written;
                            for (i, segment) in next.segments.iter_mut().enumerate() {
                                segment.chosen = is_chosen(i);
                            }
                        }),
                    );
                }
            }
            Compactor::Written => {
                let before = |s: &Segment| rules.broken == Broken::UnlinkFirst && s.chosen;
                self.unlink(before, found);
                if !self.segments.iter().any(|s| s.file && before(s)) {
                    found("the compactor renames", self.with(|next| next.commit(rules)));
                }
            }
            Compactor::Renamed => {
                self.unlink(|s| s.listed && (s.chosen || s.tombstone.is_some()), found);
                found("the compactor is done", self.with(Self::forget));
            }
        }
        if self.compactor != Compactor::Idle {
            found("the compactor is killed", self.with(Self::forget));
        }
    }

    fn unlink(
        &self,
        may: impl Fn(&Segment) -> bool,
        found: &mut impl FnMut(&'static str, Outcome),
    ) {
        for (i, segment) in self.segments.iter().enumerate() {
            if segment.file && may(segment) {
                found("the compactor unlinks", self.with(|next| next.segments[i].file = false));
            }
        }
    }

    /// The new archive replaces the old.
    fn commit(&mut self, rules: Rules) {
        // Beyond it nothing is told apart.
        let older = |age: u8| (age + 1).min(rules.kept + 1);
        self.compactor = Compactor::Renamed;
        self.behind = older(self.behind);
        for segment in &mut self.segments {
            if let Some(stone) = &mut segment.tombstone {
                stone.seen = if segment.listed { 0 } else { older(stone.seen) };
                stone.compacted = older(stone.compacted);
                let age = match rules.broken {
                    Broken::AgeFromCompaction => stone.compacted,
                    _ => stone.seen,
                };
                if age > rules.kept && !segment.listed {
                    segment.tombstone = None;
                }
            }
            if segment.chosen {
                segment.archived = (segment.archived + 1).min(2);
                if rules.broken != Broken::NoTombstones {
                    segment.tombstone = Some(Tombstone { seen: 0, compacted: 0 });
                }
            }
        }
    }

    fn forget(&mut self) {
        self.compactor = Compactor::Idle;
        for segment in &mut self.segments {
            (segment.listed, segment.chosen) = (false, false);
        }
    }

    fn scrape(&self, rules: Rules, found: &mut impl FnMut(&'static str, Outcome)) {
        match self.scraper {
            Scraper::Idle => found(
                "a scrape begins",
                self.with(|next| {
                    next.scraper = Scraper::Listing;
                    next.behind = 0;
                    for s in &mut next.segments {
                        s.owed = s.life != Life::Unborn;
                        if rules.broken == Broken::ArchiveFirst {
                            s.early = (s.archived, s.tombstone.is_some());
                        }
                    }
                }),
            ),
            Scraper::Listing => {
                for (i, segment) in self.segments.iter().enumerate() {
                    if segment.seen == Seen::NotYet {
                        found(
                            "the scrape's listing comes by",
                            self.with(|next| {
                                next.segments[i].seen =
                                    if segment.file { Seen::Listed } else { Seen::Gone };
                            }),
                        );
                    }
                }
                if self.segments.iter().all(|s| s.seen != Seen::NotYet) {
                    found(
                        "the scrape has listed",
                        self.with(|next| next.scraper = Scraper::Reading),
                    );
                }
            }
            Scraper::Reading => {
                for (i, segment) in self.segments.iter().enumerate() {
                    if segment.seen == Seen::Listed {
                        found(
                            "the scrape reads a segment",
                            self.with(|next| {
                                next.segments[i].seen =
                                    if segment.file { Seen::Read } else { Seen::Gone };
                            }),
                        );
                    }
                }
                if self.segments.iter().all(|s| s.seen != Seen::Listed) {
                    found("the scrape reads the archive", self.finish(rules));
                }
            }
        }
    }

    /// The end of a scrape, or its new beginning.
    fn finish(&self, rules: Rules) -> Outcome {
        let mut next = self.with(|next| {
            next.scraper = Scraper::Idle;
            next.behind = 0;
            for segment in &mut next.segments {
                (segment.owed, segment.seen, segment.early) = (false, Seen::NotYet, (0, false));
            }
        });
        if self.behind > rules.kept && rules.broken != Broken::NoGenerationCheck {
            return next;
        }
        next.completed = true;
        for segment in &self.segments {
            let (archived, is_archived) = match rules.broken {
                Broken::ArchiveFirst => segment.early,
                _ => (segment.archived, segment.tombstone.is_some()),
            };
            let counted = archived + u8::from(segment.seen == Seen::Read && !is_archived);
            if counted > 1 {
                next.wrong = Some("counts a segment twice");
            } else if counted == 0 && segment.owed {
                next.wrong = Some("loses a segment");
            }
        }
        next
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Outcome {
        let mut state = self.clone();
        change(&mut state);
        Outcome { state, completed: false, wrong: None }
    }
}

impl Segment {
    fn key(&self) -> u32 {
        let (stone, seen, compacted) =
            self.tombstone.map_or((false, 0, 0), |stone| (true, stone.seen, stone.compacted));
        [
            (2, self.life as u8),
            (1, u8::from(self.file)),
            (2, self.archived),
            (1, u8::from(stone)),
            (3, seen),
            (3, compacted),
            (1, u8::from(self.listed)),
            (1, u8::from(self.chosen)),
            (1, u8::from(self.owed)),
            (2, self.seen as u8),
            (2, self.early.0),
            (1, u8::from(self.early.1)),
        ]
        .into_iter()
        .fold(0, |key, (bits, part)| key << bits | u32::from(part))
    }
}
