//! Series are removed, by one process or by all, before, between and after foldings: what others
//! have stays whole, what nobody has is gone, and no count ever lands on another series.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use headcount::{Clean, Collector, Number, Value};
use headcount_tests::child::Child;
use headcount_tests::files::segments;
use headcount_tests::obedient::Obedient;
use headcount_tests::{Medium, temporary_directory, within};

/// A process that does what it is told.
struct Process(Obedient);

impl Process {
    fn start(directory: &Path) -> Self {
        Self(Obedient::start(env!("CARGO_BIN_EXE_remains"), directory))
    }

    #[track_caller]
    fn tell(&mut self, command: &str) -> String {
        self.0.tell(command)
    }

    #[track_caller]
    fn inc(&mut self, tenant: &str, n: u32) {
        assert_eq!(self.tell(&format!("inc {tenant} {n}")), "done");
    }

    #[track_caller]
    fn remove(&mut self, tenant: &str) {
        assert_eq!(self.tell(&format!("remove {tenant}")), "true");
    }
}

/// The calls of each tenant, and since when they are counted.
#[track_caller]
fn calls(directory: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let family = snapshot.families().iter().find(|family| family.name == "tenant_calls_total");
    let series = family.map(|family| family.series.iter()).into_iter().flatten();
    let one = |series: &headcount::Series| {
        let Value::Counter(Number::Integer(n)) = series.value else { panic!("{series:?}") };
        let tenant = series.labels.get("tenant").expect("a tenant");
        (tenant.to_owned(), (n, series.created.expect("a counter's")))
    };
    series.map(one).collect()
}

#[track_caller]
fn call(directory: &Path, tenant: &str) -> Option<u64> {
    calls(directory).get(tenant).map(|(n, _)| *n)
}

#[track_caller]
fn compact(directory: &Path) -> usize {
    Collector::from_directory(directory).compact().expect("it is ours").segments()
}

#[test]
fn what_one_process_removed_counts_while_another_has_it() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let [mut a, mut b] = [0; 2].map(|_| Process::start(directory));
    a.inc("acme", 3);
    b.inc("acme", 4);
    b.inc("other", 1);
    let first = calls(directory)["acme"].1;
    a.remove("acme");
    assert_eq!(call(directory, "acme"), Some(7));
    assert_eq!(calls(directory)["acme"].1, first);
    b.remove("acme");
    assert_eq!(call(directory, "acme"), None);
    assert_eq!(call(directory, "other"), Some(1));
    // It comes back from 0.
    a.inc("acme", 2);
    let (n, created) = calls(directory)["acme"];
    assert_eq!(n, 2);
    assert!(created > first);
    // To both.
    b.inc("acme", 5);
    assert_eq!(calls(directory)["acme"], (7, created));
}

#[test]
fn what_was_compacted_in_between_does_not_come_back() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let [mut a, mut b, mut c] = [0; 3].map(|_| Process::start(directory));
    a.inc("acme", 3);
    b.inc("acme", 4);
    c.inc("other", 1);
    let first = calls(directory)["acme"].1;
    a.remove("acme");
    drop(a);
    assert_eq!(compact(directory), 1);
    assert_eq!(calls(directory)["acme"], (7, first), "the other has it");
    b.remove("acme");
    assert_eq!(call(directory, "acme"), None);
    drop(b);
    assert_eq!(compact(directory), 1);
    assert_eq!(call(directory, "acme"), None);
    c.inc("acme", 2);
    let (n, created) = calls(directory)["acme"];
    assert_eq!(n, 2);
    assert!(created > first);
    drop(c);
    assert_eq!(compact(directory), 1);
    assert_eq!(calls(directory)["acme"], (2, created));
    assert_eq!(call(directory, "other"), Some(1));
}

#[test]
fn what_a_dead_process_still_had_stays_until_it_is_forgotten() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let [mut a, mut b] = [0; 2].map(|_| Process::start(directory));
    a.inc("acme", 3);
    drop(a);
    b.inc("acme", 4);
    b.inc("other", 1);
    b.remove("acme");
    // Nobody can remove it in the dead one's name.
    assert_eq!(call(directory, "acme"), Some(7));
    assert_eq!(compact(directory), 1);
    assert_eq!(call(directory, "acme"), Some(7));

    let clean = |age| {
        let what = Clean::new().older_than(age);
        Collector::from_directory(directory).clean(&what).expect("it is ours").series().len()
    };
    assert_eq!(clean(Duration::from_secs(60)), 0, "it was touched when it was compacted");
    assert_eq!(call(directory, "acme"), Some(7));
    // The living process has declared all the others.
    assert!(clean(Duration::ZERO) > 0);
    assert_eq!(call(directory, "acme"), None);
    assert_eq!(call(directory, "other"), Some(1));
    b.inc("acme", 2);
    assert_eq!(call(directory, "acme"), Some(2));
    // What a living process has is not forgotten, however old.
    drop(b);
    assert_eq!(compact(directory), 1);
    let mut c = Process::start(directory);
    c.inc("acme", 1);
    clean(Duration::ZERO);
    assert_eq!(call(directory, "acme"), Some(3));
    assert_eq!(call(directory, "other"), None);
}

#[test]
fn all_of_a_family_or_some_of_it_is_removed() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut a = Process::start(directory);
    for tenant in ["1", "2", "3"] {
        a.inc(tenant, 1);
    }
    assert_eq!(a.tell("matching tenant_calls_total tenant 2"), "1");
    assert_eq!(a.tell("matching tenant_calls_total tenant 2"), "0");
    assert_eq!(a.tell("matching tenant_calls_total path 1"), "0");
    assert_eq!(calls(directory).into_keys().collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(a.tell("clear tenant_calls_total"), "2");
    assert_eq!(calls(directory).len(), 0);
    let segments = Collector::from_directory(directory).segments().expect("readable");
    let before = segments[0].series();
    a.inc("1", 1);
    let segments = Collector::from_directory(directory).segments().expect("readable");
    assert_eq!(segments[0].series(), before + 1, "what was removed isn't counted");
}

#[test]
fn a_process_that_compacts_says_who_is_dead() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let [mut a, mut b] = [0; 2].map(|_| Process::start(directory));
    a.inc("acme", 1);
    b.inc("acme", 1);
    let dead = b.0.pid();
    assert_eq!(a.tell(&format!("mark-dead {dead}")), "0");
    drop(b);
    assert_eq!(a.tell(&format!("mark-dead {dead}")), "1");
    assert_eq!(segments(directory).len(), 1);
    assert_eq!(call(directory, "acme"), Some(2));
}

#[test]
fn removals_that_race_with_counts_put_none_on_another_series() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut racing = Child::start(
        Command::new(env!("CARGO_BIN_EXE_remains")).arg("removal-race").arg(directory),
    );
    let kept = ["kept", "kept too"];
    let mut last = BTreeMap::new();
    let mut scrapes = 0;
    let status = within(Duration::from_secs(120), "the race has ended", || {
        if directory.exists() && !segments(directory).is_empty() {
            let seen = calls(directory);
            for tenant in kept {
                let Some((n, _)) = seen.get(tenant) else {
                    assert!(!last.contains_key(tenant), "{tenant} is gone");
                    continue;
                };
                let before = last.insert(tenant, *n);
                assert!(before.is_none_or(|before| before <= *n), "{tenant} fell");
            }
            check(&seen);
            scrapes += 1;
        }
        racing.ended()
    });
    assert!(status.success(), "{}", racing.output());
    assert!(scrapes > 5, "{scrapes}");
    let output = racing.all_output();
    let counted = |tenant: &str| -> u64 {
        let line = format!("counted {tenant}: ");
        let number = output.lines().find_map(|said| said.strip_prefix(&line));
        number.expect("it was told").parse().expect("a number")
    };
    for compacted in [false, true] {
        if compacted {
            assert_eq!(compact(directory), 1);
        }
        let seen = calls(directory);
        check(&seen);
        for tenant in kept {
            assert_eq!(seen[tenant].0, counted(tenant), "{tenant}");
        }
    }
}

/// The digits of each are its own: fewer than 10^6 counts of each were made.
#[track_caller]
fn check(seen: &BTreeMap<String, (u64, SystemTime)>) {
    const MOST: u64 = 1_000_000;
    for (tenant, (n, _)) in seen {
        let power = tenant.parse().unwrap_or(1);
        assert!(n % power == 0 && n / power < MOST, "{tenant}: {n}");
    }
}
