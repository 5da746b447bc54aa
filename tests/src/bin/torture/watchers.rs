//! Who looks, and who compacts.

use std::array::from_fn;
use std::thread;
use std::time::Duration;

use headcount_tests::random::Random;

use crate::kinds::{Counted, GANGS, KINDS, STRANGER, Seen};
use crate::rig::{Rig, Tally};

impl Rig {
    /// Looks at every number, again and again.
    pub(super) fn watch(&self, number: usize) {
        // One of them compacts by itself where there is much to compact.
        let collector = self.collector(number == 0);
        let who = format!("scraper {number}");
        let mut last = Counted::default();
        while !self.is_over() {
            let living: [_; GANGS] = from_fn(|gang| self.presence(gang).look());
            let done = self.acknowledged();
            let Some(snapshot) = self.scrape(&collector, &who) else { return };
            let begun = self.announced();
            let seen = Seen::of(&snapshot);
            self.check_strangers(&seen, &who);
            for gang in 0..GANGS {
                let bounds = living[gang].bounds(self.presence(gang).look());
                self.look_for_ghosts(gang, seen.present[gang], bounds, &who);
                for (at, kind) in KINDS.iter().enumerate() {
                    let what = format!("{kind:?} of gang {gang} for {who}");
                    let value = seen.counted[gang][at];
                    self.compare(&what, done[gang][at], value, begun[gang][at]);
                    if value < last[gang][at] {
                        self.fail(&format!("{what}: {value} after {}", last[gang][at]));
                    }
                }
            }
            last = seen.counted;
            self.add(Tally::Scrapes, 1);
        }
    }

    /// What was set by handles of rows that are gone is seen nowhere.
    fn check_strangers(&self, seen: &Seen, who: &str) {
        if seen.strangers > STRANGER {
            self.fail(&format!("{who} sees a stranger of {}", seen.strangers));
        }
    }

    /// Compacts whatever there is to be compacted, again and again.
    pub(super) fn compact(&self, random: &mut Random) {
        let collector = self.collector(false);
        while !self.is_over() {
            match collector.compact() {
                Ok(compacted) if compacted.segments() > 0 => {
                    self.add(Tally::Generations, 1);
                    self.add(Tally::Compacted, compacted.segments() as u64);
                }
                Ok(_) => {}
                // Its rival does it.
                Err(error) if error.is_busy() => {}
                Err(error) => self.fail(&format!("a compactor failed: {error}")),
            }
            thread::sleep(Duration::from_micros(random.below(3_000)));
        }
    }
}
