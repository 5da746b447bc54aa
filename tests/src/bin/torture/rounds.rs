//! The rounds: whoever is gone begins anew, anyone may be killed or stopped, and what a gang that
//! died has left is taken down.

use std::array::from_fn;
use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use headcount_tests::random::Random;
use nix::sys::prctl::set_child_subreaper;

use crate::cast::{Cast, Job};
use crate::kinds::{GANGS, KINDS, Kind, MEMBERS, Seen};
use crate::rig::{Rig, Tally};

const SCRAPERS: usize = 3;
const COMPACTORS: usize = 2;

impl Rig {
    /// Whether all went well.
    pub(super) fn torture(&self, time: Duration) -> bool {
        set_child_subreaper(true).expect("orphans are to be ours");
        let mut random = Random::of(self.seed);
        let mut cast = Cast::new(self);
        let (mut rounds, mut kills, mut removals) = (0, 0, 0);
        cast.found();
        let began = Instant::now();
        while began.elapsed() < time && !self.is_over() {
            cast.reap();
            let ended: Vec<_> = (0..GANGS).filter(|gang| !cast.has(Job::Gang(*gang))).collect();
            if cast.has_begun() {
                self.settle(&ended);
                rounds += ended.len();
            }
            for gang in ended {
                cast.start(Job::Gang(gang));
            }
            let others = (0..COMPACTORS).map(Job::Compactor).chain((0..SCRAPERS).map(Job::Scraper));
            for job in others.filter(|job| !cast.has(*job)).collect::<Vec<_>>() {
                cast.start(job);
            }
            thread::sleep(Duration::from_micros(200 + random.below(6_000)));
            cast.go_on(&mut random);
            let gang = Job::Gang(random.index(GANGS));
            let compactor = Job::Compactor(random.index(COMPACTORS));
            match random.below(12) {
                0..=4 => kills += cast.kill(gang, &mut random),
                5 | 6 => kills += cast.kill(compactor, &mut random),
                7 => cast.stop(gang),
                8 => cast.stop(compactor),
                9 => cast.stop(Job::Scraper(random.index(SCRAPERS))),
                10 => removals += self.tidy(),
                _ => {}
            }
        }
        cast.end();
        self.settle(&[0, 1, 2, 3, 4, 5]);
        let generation = self.check_the_end();
        let is_recorded = |kind: &(Kind, u64)| !kind.0.is_height();
        let all = self.announced();
        let records = all.iter().flat_map(|gang| KINDS.into_iter().zip(*gang)).filter(is_recorded);
        let increments: u64 = records.map(|(_, n)| n).sum();
        println!(
            "{:.1} s: {rounds} rounds, {kills} kills, {removals} locks removed, {} forks, {} forks in handlers, {} series removed, \
             {} logs rewritten, {} generations with {} segments, the last {generation}, \
             {} scrapes, {} exemplars, {increments} increments, {} haunted, {} lost, {} doubled",
            began.elapsed().as_secs_f64(),
            self.get(Tally::Forks),
            self.get(Tally::Strays),
            self.get(Tally::Removed),
            self.get(Tally::Rewritten),
            self.get(Tally::Generations),
            self.get(Tally::Compacted),
            self.get(Tally::Scrapes),
            self.get(Tally::Exemplars),
            self.get(Tally::Haunted),
            self.get(Tally::Lost),
            self.get(Tally::Doubled),
        );
        self.get(Tally::Wrong) == 0
    }

    /// As somebody does who tidies: removes the file by whose lock compactors take turns, and says
    /// whether there was one.
    fn tidy(&self) -> u64 {
        u64::from(fs::remove_file(self.directory.join(".compact.lock")).is_ok())
    }

    /// All of these gangs are dead: their numbers are final, and are taken down.
    fn settle(&self, gangs: &[usize]) {
        if gangs.is_empty() {
            return;
        }
        let snapshot = self.scrape(&self.settler, "a settlement");
        let Some(seen) = snapshot.as_ref().map(Seen::of) else { return };
        for gang in gangs {
            self.presence(*gang).clear();
            self.look_for_ghosts(*gang, seen.present[*gang], (0, 0), "a settlement");
            for (kind, value) in KINDS.into_iter().zip(seen.counted[*gang]) {
                self.settle_kind(*gang, kind, value);
            }
            self.loose_ends(*gang).store(0, Ordering::SeqCst);
        }
    }

    fn settle_kind(&self, gang: usize, kind: Kind, value: u64) {
        let accounts: [_; MEMBERS] = from_fn(|member| self.account(gang, member, kind));
        let done = kind.total(accounts.iter().map(|account| account.acknowledged()));
        let begun = kind.total(accounts.iter().map(|account| account.announced()));
        self.compare(&format!("{kind:?} of dead gang {gang}"), done, value, begun);
        // Each may have been killed between counting and saying so, and no more; and a signal
        // handler's child may do again what was interrupted.
        let open = MEMBERS as u64 + self.loose_ends(gang).load(Ordering::SeqCst);
        if !kind.is_height() && begun > done + open * kind.at_once() {
            self.fail(&format!("gang {gang} makes {} of {kind:?} at once", begun - done));
        }
        // Only totals are ever compared, so the first may be said to have done what the others left
        // open. It comes first: who scrapes meanwhile may find bounds too wide, never too narrow.
        let [first, others @ ..] = accounts;
        let of_others: u64 = others.iter().map(|account| account.acknowledged()).sum();
        first.settle(if kind.is_height() { value } else { value.saturating_sub(of_others) });
        for other in others {
            other.settle(other.acknowledged());
        }
    }

    /// A live gauge tells of the living, of all of them, and of nobody else.
    pub(super) fn look_for_ghosts(
        &self,
        gang: usize,
        seen: u64,
        (least, most): (u64, u64),
        who: &str,
    ) {
        if seen < least || seen > most {
            self.add(Tally::Haunted, 1);
            self.fail(&format!(
                "{who} sees {seen} of gang {gang} present, of which {least} to {most} live"
            ));
        }
    }

    /// Compacts what is left and compares for the last time; nothing but the archive is there then.
    fn check_the_end(&self) -> u64 {
        let compacted = match self.collector(false).compact() {
            Ok(compacted) => compacted,
            Err(error) => {
                self.fail(&format!("the last compactor failed: {error}"));
                return 0;
            }
        };
        let snapshot = self.scrape(&self.collector(false), "the last scrape");
        let Some(seen) = snapshot.as_ref().map(Seen::of) else { return 0 };
        let expected = self.acknowledged();
        for (gang, (counted, expected)) in seen.counted.iter().zip(expected).enumerate() {
            self.look_for_ghosts(gang, seen.present[gang], (0, 0), "the last scrape");
            for (kind, (value, expected)) in KINDS.iter().zip(counted.iter().zip(expected)) {
                let what = format!("{kind:?} of gang {gang} in the end");
                self.compare(&what, expected, *value, expected);
            }
        }
        let entries = fs::read_dir(&self.directory).expect("it is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
        let names: Vec<String> = names.map(|name| name.expect("UTF-8")).collect();
        // The archive, and the compactors' lock.
        if names.len() > 2 || names.iter().any(|name| name.starts_with(".tmp")) {
            self.fail(&format!("something is left: {names:?}"));
        }
        compacted.generation()
    }
}
