//! Who records: a leader and its children, each with a thread beside it.

use std::thread;
use std::time::Duration;

use headcount::Config;
use headcount_tests::random::Random;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::cast::forked;
use crate::kinds::{
    KINDS, Kind, LARGE, NAMES, SMALL, energy, latest, peak, rows, sizes, stock, waits, work,
};
use crate::presence::Role;
use crate::rig::{Rig, Tally};

impl Rig {
    /// A leader, with a thread beside it and a child now and then.
    pub(super) fn lead(&self, gang: usize, random: &mut Random) {
        if let Err(error) = headcount::init(Config::new().directory(&self.directory)) {
            self.fail(&format!("a segment can't be made: {error}"));
            return;
        }
        let presence = self.presence(gang);
        presence.enter(NAMES[gang].0, Role::Leader);
        let bursts = random.below(100);
        let mut child = None;
        thread::scope(|scope| {
            let mut others = Random::of(random.number());
            scope.spawn(move || {
                for _ in 0..bursts {
                    self.count(gang, 1, &mut others);
                }
            });
            for _ in 0..bursts {
                self.count(gang, 0, random);
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
            }
        });
        presence.leave(Role::Leader);
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
                scope.spawn(move || {
                    for _ in 0..bursts {
                        self.count(gang, 3, &mut others);
                    }
                });
            }
            for _ in 0..bursts {
                self.count(gang, 2, random);
                self.climb(gang, 2);
            }
        });
        presence.leave(Role::Child);
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
        let account = |kind| self.account(gang, member, kind);
        for _ in 0..random.below(100) {
            account(Kind::Work).enter(1, || work(closed).inc());
            account(Kind::Energy).enter(1, || energy(name).inc_by(0.5));
            let is_small = random.below(2) == 0;
            let size = if is_small { SMALL } else { LARGE };
            account(Kind::Sizes).enter(1, || {
                account(Kind::SmallSizes).enter(u64::from(is_small), || {
                    account(Kind::SumOfSizes).enter(size, || sizes(name).observe(float(size)));
                });
            });
            account(Kind::Waits)
                .enter(1, || account(Kind::SumOfWaits).enter(1, || waits(name).observe(0.5)));
            account(Kind::Stock).enter(1, || stock(name).add(1.0));
        }
        account(Kind::Rows).enter(1, || rows(name, random.below(12)).inc());
        thread::sleep(Duration::from_micros(random.below(6_000)));
    }

    /// Only one thread of a process does this: what it sets always is greater than what was there.
    fn climb(&self, gang: usize, member: usize) {
        let ticket = self.ticket(gang);
        self.raise(gang, member, Kind::Peak, ticket, || peak(NAMES[gang].1).set(float(ticket)));
    }

    fn raise(&self, gang: usize, member: usize, kind: Kind, to: u64, set: impl FnOnce()) {
        debug_assert!(kind.is_height() && KINDS.contains(&kind));
        self.account(gang, member, kind).raise(to, set);
    }
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}
