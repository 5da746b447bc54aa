//! Everything at once, for as long as it is told: processes that count with threads and children and are killed at any moment, rival
//! folders that are killed and stopped, scrapers that check each number they see.
//!
//! ```text
//! torture <directory> --seconds N      or --minutes N; HEADCOUNT_SEED repeats a run's choices
//! ```
//!
//! Every increment is announced in memory that outlives its process before it is made, and acknowledged after. So a
//! scraper knows bounds for every number at every moment. When all processes of a *gang* are dead its numbers are final:
//! then they are taken down, and must never change again, whatever is folded.

#![expect(clippy::print_stdout, reason = "the figures, and what is wrong")]
#![expect(unsafe_code, reason = "fork")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headcount::{
    Collector, Config, Counter, Histogram, LabelValue, Number, Snapshot, Value, metric,
};
use headcount_tests::oracle::{Account, Oracle};
use headcount_tests::page::Page;
use headcount_tests::random::Random;
use nix::errno::Errno;
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, setpgid};

/// Processes that count together, one after another: a leader with two threads, and a child of it with two as well.
const GANGS: usize = 6;
const MEMBERS: usize = 4;
const SCRAPERS: usize = 3;
const FOLDERS: usize = 2;

/// What each member counts, and what of it is seen.
const KINDS: [&str; 5] = ["work", "energy", "sizes", "sum of sizes", "rows"];

/// Who counts, as a label of which all values are known.
#[derive(Clone, Copy, LabelValue)]
enum Gang {
    A,
    B,
    C,
    D,
    E,
    F,
}

const NAMES: [(Gang, &str); GANGS] = [
    (Gang::A, "a"),
    (Gang::B, "b"),
    (Gang::C, "c"),
    (Gang::D, "d"),
    (Gang::E, "e"),
    (Gang::F, "f"),
];

/// Work done.
#[metric(name = "work_total")]
fn work(gang: Gang) -> Counter;

/// Energy used.
#[metric(name = "energy_joules_total", unit = "joules")]
fn energy(gang: &str) -> Counter<f64>;

/// Sizes.
#[metric(name = "sizes", buckets = [1.0, 2.0])]
fn sizes(gang: &str) -> Histogram;

/// Rows that come up one after another, in each process anew.
#[metric(name = "rows_total")]
fn rows(gang: &str, id: u64) -> Counter;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [directory, unit @ ("--seconds" | "--minutes"), amount] = *arguments else {
        println!("torture <directory> --seconds N | --minutes N");
        exit(2);
    };
    let amount: u64 = amount.parse().expect("a number");
    let time = Duration::from_secs(if unit == "--minutes" { amount * 60 } else { amount });
    let seed = Random::seeded().seed();
    let folder = Path::new(directory);
    let rig = Rig {
        directory: folder.join("segments"),
        oracle: Oracle::map(&folder.join("oracle"), 1024),
        seed,
    };
    fs::create_dir_all(&rig.directory).expect("a directory");
    let is_well = rig.torture(time);
    exit(i32::from(!is_well));
}

/// Words of the oracle behind the accounts.
#[derive(Debug, Clone, Copy)]
enum Tally {
    /// Not 0: the time is up.
    Over,
    /// Not 0: someone saw something wrong, and everyone stops.
    Wrong,
    Scrapes,
    Generations,
    Folded,
    Forks,
    Lost,
    Doubled,
}

/// What a scrape says of each gang, by kind.
type Counted = [[u64; KINDS.len()]; GANGS];

#[derive(Debug)]
struct Rig {
    directory: PathBuf,
    oracle: Oracle,
    seed: u64,
}

impl Rig {
    fn account(&self, gang: usize, member: usize, kind: usize) -> Account<'_> {
        self.oracle.account((gang * MEMBERS + member) * KINDS.len() + kind)
    }

    fn tally(&self, what: Tally) -> &AtomicU64 {
        self.oracle.word(2 * GANGS * MEMBERS * KINDS.len() + what as usize)
    }

    fn add(&self, what: Tally, n: u64) {
        self.tally(what).fetch_add(n, Ordering::Relaxed);
    }

    fn get(&self, what: Tally) -> u64 {
        self.tally(what).load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.get(Tally::Over) + self.get(Tally::Wrong) > 0
    }

    fn fail(&self, what: &str) {
        // One thing that is wrong makes many.
        if self.tally(Tally::Wrong).fetch_add(1, Ordering::Relaxed) < 10 {
            println!("WRONG: {what}");
        }
    }

    fn announced(&self) -> Counted {
        sums(|gang, member, kind| self.account(gang, member, kind).announced())
    }

    fn acknowledged(&self) -> Counted {
        sums(|gang, member, kind| self.account(gang, member, kind).acknowledged())
    }

    fn compare(&self, what: &str, done: u64, counted: u64, begun: u64) {
        if counted < done || counted > begun {
            self.add(Tally::Lost, done.saturating_sub(counted));
            self.add(Tally::Doubled, counted.saturating_sub(begun));
            self.fail(&format!("{what}: {done} done, {begun} begun, {counted} counted"));
        }
    }

    fn collector(&self, folds: bool) -> Collector {
        Collector::open(&self.directory).folding(folds)
    }

    fn scrape(&self, collector: &Collector, who: &str) -> Option<Snapshot> {
        match collector.collect() {
            Ok(snapshot) => {
                if let Some(skipped) = snapshot.skipped().first() {
                    self.fail(&format!("{who} skipped something: {skipped}"));
                }
                Some(snapshot)
            }
            Err(error) => {
                self.fail(&format!("{who} failed: {error}"));
                None
            }
        }
    }

    /// Whether all went well.
    fn torture(&self, time: Duration) -> bool {
        set_child_subreaper(true).expect("orphans are to be ours");
        let mut random = Random::of(self.seed);
        let mut cast = Cast { rig: self, running: Vec::new(), stopped: Vec::new(), started: 0 };
        let (mut rounds, mut kills) = (0, 0);
        let began = Instant::now();
        while began.elapsed() < time && !self.is_over() {
            cast.reap();
            let ended: Vec<_> = (0..GANGS).filter(|gang| !cast.has(Job::Gang(*gang))).collect();
            if cast.started > 0 {
                self.settle(&ended);
                rounds += ended.len();
            }
            for gang in ended {
                cast.start(Job::Gang(gang));
            }
            let others = (0..FOLDERS).map(Job::Folder).chain((0..SCRAPERS).map(Job::Scraper));
            for job in others.filter(|job| !cast.has(*job)).collect::<Vec<_>>() {
                cast.start(job);
            }
            thread::sleep(Duration::from_micros(200 + random.below(6_000)));
            cast.go_on(&mut random);
            let gang = Job::Gang(pick(&mut random, GANGS));
            let folder = Job::Folder(pick(&mut random, FOLDERS));
            match random.below(12) {
                0..=4 => kills += cast.kill(gang, &mut random),
                5 | 6 => kills += cast.kill(folder, &mut random),
                7 => cast.stop(gang),
                8 => cast.stop(folder),
                9 => cast.stop(Job::Scraper(pick(&mut random, SCRAPERS))),
                _ => {}
            }
        }
        cast.end();
        self.settle(&[0, 1, 2, 3, 4, 5]);
        let generation = self.check_the_end();
        let increments: u64 = self.announced().iter().flatten().sum();
        println!(
            "{:.1} s: {rounds} rounds, {kills} kills, {} forks, {} generations with {} segments, the last {generation}, \
             {} scrapes, {increments} increments, {} lost, {} doubled",
            began.elapsed().as_secs_f64(),
            self.get(Tally::Forks),
            self.get(Tally::Generations),
            self.get(Tally::Folded),
            self.get(Tally::Scrapes),
            self.get(Tally::Lost),
            self.get(Tally::Doubled),
        );
        self.get(Tally::Wrong) == 0
    }

    /// All of these gangs are dead: their numbers are final, and are taken down.
    fn settle(&self, gangs: &[usize]) {
        if gangs.is_empty() {
            return;
        }
        let snapshot = self.scrape(&self.collector(false), "a settlement");
        let Some(counted) = snapshot.as_ref().map(counted) else { return };
        for gang in gangs {
            for (kind, value) in counted[*gang].into_iter().enumerate() {
                self.settle_kind(*gang, kind, value);
            }
        }
    }

    fn settle_kind(&self, gang: usize, kind: usize, value: u64) {
        let accounts = [0, 1, 2, 3].map(|member| self.account(gang, member, kind));
        let done: u64 = accounts.iter().map(|account| account.acknowledged()).sum();
        let begun: u64 = accounts.iter().map(|account| account.announced()).sum();
        self.compare(&format!("{} of dead gang {gang}", KINDS[kind]), done, value, begun);
        // Each may have been killed between counting and saying so, and no more.
        if begun > done + MEMBERS as u64 {
            self.fail(&format!("gang {gang} makes {} at once", begun - done));
        }
        // Only sums are ever compared, so the first may be said to have done what the others left open. It comes first: who scrapes
        // meanwhile may find bounds too wide, never too narrow.
        let [first, others @ ..] = accounts;
        let of_others: u64 = others.iter().map(|account| account.acknowledged()).sum();
        first.settle(value.saturating_sub(of_others));
        for other in others {
            other.settle(other.acknowledged());
        }
    }

    /// Folds what is left and compares for the last time; nothing but the archive is there then.
    fn check_the_end(&self) -> u64 {
        let compacted = match self.collector(false).compact() {
            Ok(compacted) => compacted,
            Err(error) => {
                self.fail(&format!("the last folder failed: {error}"));
                return 0;
            }
        };
        let snapshot = self.scrape(&self.collector(false), "the last scrape");
        let Some(counted) = snapshot.as_ref().map(counted) else { return 0 };
        let expected = self.acknowledged();
        for (gang, (counted, expected)) in counted.iter().zip(expected).enumerate() {
            for (kind, (value, expected)) in counted.iter().zip(expected).enumerate() {
                let what = format!("{} of gang {gang} in the end", KINDS[kind]);
                self.compare(&what, expected, *value, expected);
            }
        }
        let entries = fs::read_dir(&self.directory).expect("it is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
        let names: Vec<String> = names.map(|name| name.expect("UTF-8")).collect();
        // The archive, and the folders' lock.
        if names.len() > 2 || names.iter().any(|name| name.starts_with(".tmp")) {
            self.fail(&format!("something is left: {names:?}"));
        }
        compacted.generation()
    }

    /// A leader, with a thread beside it and a child now and then.
    fn lead(&self, gang: usize, random: &mut Random) {
        if let Err(error) = headcount::init(Config::new().directory(&self.directory)) {
            self.fail(&format!("a segment can't be made: {error}"));
            return;
        }
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
                if child.is_none_or(|child| self.has_ended(child)) {
                    child = (random.below(8) == 0).then(|| {
                        let mut random = Random::of(random.number());
                        self.add(Tally::Forks, 1);
                        forked(|| self.follow(gang, &mut random))
                    });
                }
            }
        });
        // The child may live on as an orphan.
    }

    /// A child, with a thread beside it.
    fn follow(&self, gang: usize, random: &mut Random) {
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
            }
        });
    }

    fn has_ended(&self, child: Pid) -> bool {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => false,
            Ok(WaitStatus::Exited(_, 0) | WaitStatus::Signaled(_, Signal::SIGKILL, _)) => true,
            ended => {
                self.fail(&format!("a child ended with {ended:?}"));
                true
            }
        }
    }

    /// Some of everything.
    fn count(&self, gang: usize, member: usize, random: &mut Random) {
        let (closed, name) = NAMES[gang];
        let [works, joules, observed, sum, others] =
            [0, 1, 2, 3, 4].map(|kind| self.account(gang, member, kind));
        for _ in 0..random.below(100) {
            works.enter(1, || work(closed).inc());
            joules.enter(1, || energy(name).inc_by(0.5));
            observed.enter(1, || sum.enter(1, || sizes(name).observe(1.0)));
        }
        others.enter(1, || rows(name, random.below(12)).inc());
        thread::sleep(Duration::from_micros(random.below(6_000)));
    }

    /// Looks at every number, again and again.
    fn watch(&self, number: usize) {
        // One of them folds by itself where there is much to fold.
        let collector = self.collector(number == 0);
        let who = format!("scraper {number}");
        let mut last = Counted::default();
        while !self.is_over() {
            let done = self.acknowledged();
            let Some(snapshot) = self.scrape(&collector, &who) else { return };
            let now = counted(&snapshot);
            let begun = self.announced();
            for gang in 0..GANGS {
                for kind in 0..KINDS.len() {
                    let what = format!("{} of gang {gang} for {who}", KINDS[kind]);
                    let value = now[gang][kind];
                    self.compare(&what, done[gang][kind], value, begun[gang][kind]);
                    if value < last[gang][kind] {
                        self.fail(&format!("{what}: {value} after {}", last[gang][kind]));
                    }
                }
            }
            last = now;
            // Now and then the page as well.
            if self.tally(Tally::Scrapes).fetch_add(1, Ordering::Relaxed) % 16 == 0 {
                if let Err(error) = Page::parse(&snapshot.to_text()) {
                    self.fail(&format!("{who} has a page that can't be read: {error}"));
                }
            }
        }
    }

    /// Folds whatever there is to be folded, again and again.
    fn fold(&self, random: &mut Random) {
        let collector = self.collector(false);
        while !self.is_over() {
            match collector.compact() {
                Ok(compacted) if compacted.folded() > 0 => {
                    self.add(Tally::Generations, 1);
                    self.add(Tally::Folded, compacted.folded() as u64);
                }
                Ok(_) => {}
                // Its rival does it.
                Err(error) if error.is_busy() => {}
                Err(error) => self.fail(&format!("a folder failed: {error}")),
            }
            thread::sleep(Duration::from_micros(random.below(3_000)));
        }
    }
}

/// What processes are there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    Gang(usize),
    Folder(usize),
    Scraper(usize),
}

/// The processes of the rig. Each leads a group; of a gang's, the whole group must be gone.
struct Cast<'a> {
    rig: &'a Rig,
    running: Vec<(Job, Pid)>,
    stopped: Vec<Pid>,
    started: u64,
}

impl Cast<'_> {
    fn has(&self, job: Job) -> bool {
        self.running.iter().any(|(known, _)| *known == job)
    }

    fn start(&mut self, job: Job) {
        self.started += 1;
        let mut random = Random::of(self.rig.seed.wrapping_add(self.started << 32));
        let rig = self.rig;
        let pid = forked(|| {
            let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
            // Nobody is left when the rig is killed.
            let _ = set_pdeathsig(Signal::SIGKILL);
            match job {
                Job::Gang(gang) => rig.lead(gang, &mut random),
                Job::Folder(_) => rig.fold(&mut random),
                Job::Scraper(number) => rig.watch(number),
            }
        });
        // Here as well: it may be killed before it comes to it.
        let _ = setpgid(pid, pid);
        self.running.push((job, pid));
    }

    /// Takes note of who has ended.
    fn reap(&mut self) {
        let rig = self.rig;
        self.running.retain(|(job, leader)| {
            loop {
                let group = Pid::from_raw(-leader.as_raw());
                match waitpid(group, Some(WaitPidFlag::WNOHANG)) {
                    Ok(WaitStatus::StillAlive) => return true,
                    // Orphans are ours, so nobody of the group is left.
                    Err(Errno::ECHILD) => return false,
                    Ok(WaitStatus::Exited(_, 0) | WaitStatus::Signaled(_, Signal::SIGKILL, _)) => {}
                    ended => rig.fail(&format!("{job:?} ended with {ended:?}")),
                }
            }
        });
        self.stopped.retain(|pid| self.running.iter().any(|(_, leader)| leader == pid));
    }

    fn pid(&self, job: Job) -> Option<Pid> {
        self.running.iter().find(|(known, _)| *known == job).map(|(_, pid)| *pid)
    }

    /// Kills its leader, or all of it; how many were killed.
    fn kill(&self, job: Job, random: &mut Random) -> u64 {
        let Some(pid) = self.pid(job) else { return 0 };
        let killed = if random.below(2) == 0 {
            kill(pid, Signal::SIGKILL)
        } else {
            killpg(pid, Signal::SIGKILL)
        };
        u64::from(killed.is_ok())
    }

    /// Stops it in the middle of whatever it does.
    fn stop(&mut self, job: Job) {
        if let Some(pid) = self.pid(job) {
            let _ = killpg(pid, Signal::SIGSTOP);
            self.stopped.push(pid);
        }
    }

    /// Lets some of the stopped go on.
    fn go_on(&mut self, random: &mut Random) {
        self.stopped.retain(|pid| {
            let stays = random.below(12) != 0;
            if !stays {
                let _ = killpg(*pid, Signal::SIGCONT);
            }
            stays
        });
    }

    /// Lets who watches and folds come to its end, and kills the others.
    fn end(&mut self) {
        self.rig.add(Tally::Over, 1);
        for (job, pid) in &self.running {
            let signal =
                if matches!(job, Job::Gang(_)) { Signal::SIGKILL } else { Signal::SIGCONT };
            let _ = killpg(*pid, signal);
        }
        let began = Instant::now();
        while !self.running.is_empty() {
            self.reap();
            if began.elapsed() > Duration::from_secs(30) {
                self.rig.fail(&format!("{:?} hang", self.running));
                for (_, pid) in &self.running {
                    let _ = killpg(*pid, Signal::SIGKILL);
                }
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn pick(random: &mut Random, of: usize) -> usize {
    usize::try_from(random.below(of as u64)).expect("few")
}

/// The child ends without cleaning up: what the standard library does then takes locks, and a leader's other thread may hold one.
fn forked(child: impl FnOnce()) -> Pid {
    // SAFETY: the rig has one thread; a leader has two, and what its child may find locked by the other one is what is tested.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let is_well = catch_unwind(AssertUnwindSafe(child)).is_ok();
            // SAFETY: ends the process, and nothing else.
            unsafe { nix::libc::_exit(i32::from(!is_well)) }
        }
    }
}

/// What all members of each gang come to.
fn sums(of: impl Fn(usize, usize, usize) -> u64) -> Counted {
    let mut sums = Counted::default();
    for (gang, kinds) in sums.iter_mut().enumerate() {
        for (kind, sum) in kinds.iter_mut().enumerate() {
            *sum = (0..MEMBERS).map(|member| of(gang, member, kind)).sum();
        }
    }
    sums
}

/// What a snapshot says, by gang and kind.
fn counted(snapshot: &Snapshot) -> Counted {
    let mut all = Counted::default();
    for family in snapshot.families() {
        for series in &family.series {
            let gang = series.labels.iter().find(|(name, _)| name == "gang");
            let gang = gang.and_then(|(_, value)| NAMES.iter().position(|(_, name)| name == value));
            let Some(kinds) = gang.and_then(|gang| all.get_mut(gang)) else { continue };
            match (family.name.as_str(), &series.value) {
                ("work_total", Value::Counter(Number::Integer(n))) => kinds[0] += n,
                // Each is a half.
                ("energy_joules_total", Value::Counter(n)) => kinds[1] += whole(n.as_f64() * 2.0),
                ("sizes", Value::Histogram(histogram)) => {
                    kinds[2] += histogram.count();
                    kinds[3] += whole(histogram.sum);
                }
                ("rows_total", Value::Counter(Number::Integer(n))) => kinds[4] += n,
                _ => {}
            }
        }
    }
    all
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^53")]
fn whole(value: f64) -> u64 {
    value as u64
}
