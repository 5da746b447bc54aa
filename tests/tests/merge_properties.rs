//! What must be true whatever happens: sums never fall and are exact, while processes come, count
//! and die in random order, and while many threads count.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use headcount::{Collector, Snapshot, Value};
use headcount_tests::child::Child;
use headcount_tests::exact::Exact;
use headcount_tests::random::Random;
use headcount_tests::scripted::Scripted;
use headcount_tests::{Medium, eventually, temporary_directory, within};

/// What a snapshot has of a family with one series, as a number.
fn value(snapshot: &Snapshot, family: &str) -> Option<f64> {
    let family = snapshot.families().iter().find(|known| known.name == family)?;
    match &family.series.first()?.value {
        Value::Counter(number) => Some(number.as_f64()),
        Value::Summary(summary) => Some(summary.sum),
        other => panic!("not a sum: {other:?}"),
    }
}

/// What a collector says of what it has read.
fn read(snapshot: &Snapshot) -> String {
    let text = snapshot.to_text();
    let own = text.lines().filter(|line| {
        ["headcount_processes", "headcount_archive"].iter().any(|name| line.starts_with(name))
    });
    own.collect::<Vec<_>>().join("\n")
}

/// Scrapes until it is told to stop, and fails when a sum falls. Says how often it scraped.
fn watch(directory: &Path, families: &[&str], stop: &AtomicBool) -> u64 {
    let mut last = vec![0.0; families.len()];
    let mut scrapes = 0;
    let mut before = String::new();
    while !stop.load(Ordering::Relaxed) {
        let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
        assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
        for (family, last) in families.iter().zip(&mut last) {
            // `None` before the first process is there.
            let now = value(&snapshot, family).unwrap_or(0.0);
            assert!(
                now >= *last,
                "{family} fell from {last:e} to {now:e}, and this is what was read:\n{before}\n{}",
                read(&snapshot)
            );
            *last = now;
        }
        before = read(&snapshot);
        scrapes += 1;
    }
    scrapes
}

/// The commands whose sums are watched, and their families.
const SUMS: [(&str, &str); 2] = [("float_counter", "float_counter_total"), ("summary", "summary")];

/// A few processes at a time count numbers between 2^low and 2^high.
fn sums_are_exact(random: &mut Random, low: i32, high: i32) {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let families = SUMS.map(|(_, family)| family);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(directory, &families, &stop));
        let stop = Stop(&stop);
        let mut living: Vec<(Scripted, usize)> = Vec::new();
        // What each process, dead or alive, added up: in its cell, which rounds as the machine
        // does.
        let mut counted: Vec<[f64; SUMS.len()]> = Vec::new();
        for _ in 0..60 {
            let action = if living.is_empty() { 0 } else { random.below(8) };
            let at = random.index(living.len().max(1));
            match action {
                0 if living.len() < 5 => {
                    let scripted = Scripted::start(env!("CARGO_BIN_EXE_scripted"), directory);
                    living.push((scripted, counted.len()));
                    counted.push([0.0; SUMS.len()]);
                }
                1 => living.swap_remove(at).0.kill(),
                2 => living.swap_remove(at).0.end(),
                3 => drop(Collector::from_directory(directory).compact()),
                _ => {
                    let (scripted, process) = &mut living[at];
                    for _ in 0..=random.below(20) {
                        let which = random.index(SUMS.len());
                        let number = random.float(low, high);
                        scripted.say(&format!("{} {number:e}", SUMS[which].0));
                        counted[*process][which] += number;
                    }
                    scripted.tell("nothing");
                }
            }
            let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
            for (which, family) in families.iter().enumerate() {
                let exact = Exact::of(counted.iter().map(|counted| counted[which])).nearest();
                let shown = value(&snapshot, family).unwrap_or(0.0);
                assert_eq!(
                    shown.to_bits(),
                    exact.to_bits(),
                    "{family}: {shown:e} is not {exact:e}, the sum of {counted:?}; seed {}",
                    random.seed()
                );
            }
        }
        drop(stop);
        assert!(watcher.join().expect("no sum fell") > 0);
    });
}

/// Tells the watcher to stop, also when the test fails: it would be waited for.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn sums_of_floats_never_fall_and_are_exact_while_processes_come_and_die() {
    let mut random = Random::seeded();
    // 1e-300 to 1e300, where most parts vanish beside the largest; close together, where every part
    // counts; and between.
    for (low, high) in [(-996, 997), (-3, 4), (-60, 60), (900, 940)] {
        sums_are_exact(&mut random, low, high);
    }
}

#[test]
fn an_archive_that_is_replaced_while_it_is_opened_is_not_missed() {
    let folder = temporary_directory(Medium::Memory);
    let collector = Collector::from_directory(folder.path());
    let mut scripted = Scripted::start(env!("CARGO_BIN_EXE_scripted"), folder.path());
    scripted.tell("summary 2.5");
    scripted.end();
    eventually("it is compacted", || collector.compact().ok());
    let archive = folder.path().join("archive.hca");
    let bytes = fs::read(&archive).expect("there is an archive");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // As folders do it, and more often: by renaming.
        scope.spawn(|| {
            let next = folder.path().join(".archive-next");
            while !stop.load(Ordering::Relaxed) {
                fs::write(&next, &bytes).expect("written");
                fs::rename(&next, &archive).expect("renamed");
            }
        });
        let _stop = Stop(&stop);
        for round in 0..3_000 {
            let snapshot = collector.collect().expect("a snapshot");
            assert_eq!(value(&snapshot, "summary"), Some(2.5), "round {round}");
        }
    });
}

#[test]
fn ten_thousand_series_in_eight_threads_are_counted_exactly_and_without_allocating() {
    const SCRAPES: usize = 5;
    let folder = temporary_directory(Medium::Memory);
    let (mut crowd, input) =
        Child::start_with_input(Command::new(env!("CARGO_BIN_EXE_crowd")).arg(folder.path()));
    let rows = || -> BTreeMap<String, f64> {
        let snapshot = Collector::from_directory(folder.path()).collect().expect("a snapshot");
        assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
        let family = snapshot.families().iter().find(|family| family.name == "crowd_total");
        let series = family.map_or(&[][..], |family| &family.series).iter();
        series
            .map(|series| match &series.value {
                Value::Counter(number) => {
                    let (_, value) = series.labels.iter().next().expect("a label");
                    (value.to_owned(), number.as_f64())
                }
                other => panic!("not a counter: {other:?}"),
            })
            .collect()
    };
    let mut last = BTreeMap::new();
    let mut scrapes = 0;
    within(Duration::from_secs(120), "enough scrapes of all series", || {
        let now = rows();
        for (row, before) in &last {
            let now = now.get(row).copied();
            assert!(now >= Some(*before), "row {row} fell from {before} to {now:?}");
        }
        // The first few may find fewer, and nothing but the first use.
        let counts =
            |rows: &BTreeMap<_, f64>| rows.len() == 10_000 && rows.values().any(|n| *n > 8.0);
        scrapes += usize::from(counts(&now) && now != last);
        last = now;
        (scrapes >= SCRAPES).then_some(())
    });
    drop(input);
    assert!(crowd.wait().success());
    let output = crowd.all_output();
    let numbers =
        |line: &str| -> Vec<f64> { line.split(' ').filter_map(|word| word.parse().ok()).collect() };
    let rounds: Vec<_> =
        output.lines().filter(|line| line.starts_with("thread ")).map(numbers).collect();
    assert_eq!(rounds.len(), 8, "{output}");
    // Each thread adds its number in each round, and one before them.
    let each: f64 = rounds.iter().map(|rounds| 1.0 + rounds[0] * rounds[1]).sum();
    let now = rows();
    assert_eq!(now.len(), 10_000);
    for (row, value) in &now {
        assert_eq!(value.to_bits(), each.to_bits(), "row {row}: {value} is not {each}");
    }
    assert!(output.contains("allocations 0\n"), "{output}");
}
