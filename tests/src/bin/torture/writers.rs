//! Who records: a leader and its children, each with a thread beside it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;
use std::{process, thread};

use headcount::Config;
use headcount_tests::files::segments;
use headcount_tests::random::Random;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::cast::forked;
use crate::exemplars::Of;
use crate::interrupted::{Spur, begin, interruptible};
use crate::kinds::{
    GANGS, GUESTS, KINDS, Kind, LARGE, NAMES, SMALL, STRANGER, energy, guests, latest, loads, peak,
    rows, sizes, stock, strangers, waits, work,
};
use crate::presence::Role;
use crate::rig::{Rig, Tally};

impl Rig {
    /// All guests, once and for all: whoever removes one has not been the last to have it.
    pub(super) fn found(&self) {
        if let Err(error) = headcount::init(Config::new().directory(&self.directory)) {
            self.fail(&format!("a segment can't be made: {error}"));
        }
        for (gang, id) in (0..GANGS).flat_map(|gang| (0..GUESTS).map(move |id| (gang, id))) {
            guests(NAMES[gang].1, id).inc_by(0);
        }
    }

    /// A leader, with a thread beside it and a child now and then.
    pub(super) fn lead(&self, gang: usize, random: &mut Random) {
        if let Err(error) = headcount::init(Config::new().directory(&self.directory)) {
            self.fail(&format!("a segment can't be made: {error}"));
            return;
        }
        let presence = self.presence(gang);
        presence.enter(NAMES[gang].0, Role::Leader);
        self.count(gang, 0, random);
        begin(self, gang);
        let bursts = random.below(100);
        let mut child = None;
        thread::scope(|scope| {
            let mut others = Random::of(random.number());
            scope.spawn(move || self.bursts(gang, 1, bursts, &mut others, || {}));
            let mut own = Random::of(random.number());
            self.bursts(gang, 0, bursts, &mut own, || {
                let ticket = self.ticket(gang);
                self.raise(gang, 0, Kind::Latest, ticket, || {
                    latest(NAMES[gang].1).set(float(ticket));
                });
                self.climb(gang, 0);
                if child.is_none_or(|child| self.has_ended(gang, child)) {
                    child = (random.below(8) == 0).then(|| {
                        let mut random = Random::of(random.number());
                        self.add(Tally::Forks, 1);
                        presence.expect();
                        forked(|| self.follow(gang, &mut random))
                    });
                }
            });
        });
        presence.leave(Role::Leader);
        self.add(Tally::Rewritten, logs_written(&self.directory));
        // The child may live on as an orphan.
    }

    /// A child, with a thread beside it.
    fn follow(&self, gang: usize, random: &mut Random) {
        let presence = self.presence(gang);
        presence.enter(NAMES[gang].0, Role::Child);
        let bursts = random.below(20);
        thread::scope(|scope| {
            if random.below(2) == 0 {
                let mut others = Random::of(random.number());
                scope.spawn(move || self.bursts(gang, 3, bursts, &mut others, || {}));
            }
            self.bursts(gang, 2, bursts, random, || self.climb(gang, 2));
        });
        presence.leave(Role::Child);
    }

    /// So many bursts of one thread, in which signal handlers fork.
    fn bursts(
        &self,
        gang: usize,
        member: usize,
        bursts: u64,
        random: &mut Random,
        mut behind: impl FnMut(),
    ) {
        // Nobody interrupts a thread's first operations: they allocate, and nobody knows.
        self.count(gang, member, random);
        let mut spur = Spur::new();
        // So many that the log is rewritten, in some of them: everybody has to read what was
        // removed.
        let strangers = if random.below(8) == 0 { 60 } else { 3 };
        for _ in 0..bursts {
            spur.ring(random);
            self.count(gang, member, random);
            self.churn(gang, member, strangers, random);
            behind();
            thread::sleep(Duration::from_micros(random.below(6_000)));
        }
    }

    /// Rows come and go: one that somebody else has for ever, and some that nobody else has.
    fn churn(&self, gang: usize, member: usize, strangers_below: u64, random: &mut Random) {
        let name = NAMES[gang].1;
        let id = 2 * member + usize::from(random.below(2) == 0);
        self.record(gang, member, &[(Kind::Guests, 1)], || {
            guests(name, id).inc_with_exemplar(self.context(gang, Of::Guests));
        });
        let guest = guests(name, id);
        interruptible(&[], || _ = guest.remove());
        // Nowhere: it is gone.
        interruptible(&[], || guest.inc_with_exemplar(self.context(gang, Of::Guests)));
        let many = random.below(strangers_below);
        for _ in 0..many {
            let stranger = strangers(name, self.ticket(gang));
            interruptible(&[], || stranger.set(float(STRANGER)));
            interruptible(&[], || _ = stranger.remove());
            interruptible(&[], || stranger.set(1e6));
        }
        self.add(Tally::Removed, 1 + many);
    }

    /// Does it, with everything on record.
    fn record(&self, gang: usize, member: usize, what: &[(Kind, u64)], act: impl FnOnce()) {
        let accounts = || what.iter().map(|(kind, n)| (self.account(gang, member, *kind), *n));
        accounts().for_each(|(account, n)| account.announce(n));
        interruptible(what, act);
        accounts().for_each(|(account, n)| account.acknowledge(n));
    }

    fn has_ended(&self, gang: usize, child: Pid) -> bool {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return false,
            Ok(WaitStatus::Exited(_, 0) | WaitStatus::Signaled(_, Signal::SIGKILL, _)) => {}
            ended => self.fail(&format!("a child ended with {ended:?}")),
        }
        self.presence(gang).bury();
        true
    }

    /// Some of everything that adds up.
    fn count(&self, gang: usize, member: usize, random: &mut Random) {
        let (closed, name) = NAMES[gang];
        let record = |what: &[(Kind, u64)], act: &dyn Fn()| self.record(gang, member, what, act);
        for _ in 0..=random.below(100) {
            record(&[(Kind::Work, 1)], &|| {
                work(closed).inc_with_exemplar(self.context(gang, Of::Work));
            });
            record(&[(Kind::Energy, 1)], &|| energy(name).inc_by(0.5));
            let is_small = random.below(2) == 0;
            let size = if is_small { SMALL } else { LARGE };
            let small = (Kind::SmallSizes, u64::from(is_small));
            record(&[(Kind::Sizes, 1), small, (Kind::SumOfSizes, size)], &|| {
                sizes(name).observe_with_exemplar(float(size), self.context(gang, Of::Sizes));
            });
            // Now and then in a block that nobody has needed yet.
            let exponent = i32::try_from(random.below(80)).unwrap_or(0) - 40;
            let large = (Kind::LargeLoads, u64::from(exponent > 0));
            record(&[(Kind::Loads, 1), large], &|| {
                let load = f64::from(exponent).exp2();
                loads(name).observe_with_exemplar(load, self.context(gang, Of::Loads));
            });
            let wait = [(Kind::Waits, 1), (Kind::SumOfWaits, 1)];
            record(&wait, &|| waits(name).observe(0.5));
            record(&[(Kind::Stock, 1)], &|| stock(name).add(1.0));
        }
        let row = random.below(12);
        record(&[(Kind::Rows, 1)], &|| rows(name, row).inc());
    }

    /// Only one thread of a process does this: what it sets always is greater than what was there.
    fn climb(&self, gang: usize, member: usize) {
        let ticket = self.ticket(gang);
        self.raise(gang, member, Kind::Peak, ticket, || {
            interruptible(&[], || peak(NAMES[gang].1).set(float(ticket)));
        });
    }

    fn raise(&self, gang: usize, member: usize, kind: Kind, to: u64, set: impl FnOnce()) {
        debug_assert!(kind.is_height() && KINDS.contains(&kind));
        self.account(gang, member, kind).raise(to, set);
    }
}

/// How often this process has rewritten its log.
fn logs_written(directory: &Path) -> u64 {
    const LOGS_WRITTEN: u64 = 0x1200;
    let own = format!("{}-", process::id());
    let name = segments(directory).into_iter().find(|name| name.starts_with(&own));
    let file = name.and_then(|name| File::open(directory.join(name)).ok());
    let mut word = [0; 8];
    let is_read = file.is_some_and(|file| file.read_exact_at(&mut word, LOGS_WRITTEN).is_ok());
    if is_read { u64::from_le_bytes(word) } else { 0 }
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}
