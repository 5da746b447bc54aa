//! A collector that is kept remembers what it read; what it yields is what a new one yields,
//! whatever happened in between.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use headcount::{Clean, Collector, Format, Number, Scrape, Value};
use headcount_tests::files::{names, segments};
use headcount_tests::obedient::Obedient;
use headcount_tests::random::Random;
use headcount_tests::{Medium, temporary_directory};

/// One that has its segment.
fn start(directory: &Path) -> Obedient {
    let mut process = Obedient::start(env!("CARGO_BIN_EXE_remains"), directory);
    process.tell("level of-all");
    process
}

/// Everything that a collection yields, but for how long it took.
fn page(collector: &Collector) -> String {
    let snapshot = collector.collect().expect("a snapshot");
    let skipped: Vec<String> = snapshot.skipped().iter().map(ToString::to_string).collect();
    let mut page = Vec::new();
    snapshot.encode(Format::Text, &mut page).expect("memory takes all");
    let scrape = Scrape::new().accept("application/openmetrics-text").created(true);
    page.extend(snapshot.render(scrape).into_body());
    let text = String::from_utf8(page).expect("UTF-8");
    let lines = text.lines().filter(|line| !line.starts_with("headcount_scrape_duration_seconds "));
    lines.map(str::to_owned).chain(skipped).collect::<Vec<_>>().join("\n")
}

/// Something that may happen between two scrapes.
fn step(random: &mut Random, directory: &Path, processes: &mut Vec<Obedient>, old: &mut Vec<u8>) {
    let tenant = format!("tenant{}", random.below(12));
    let archive = directory.join("archive.hca");
    let open = || Collector::from_directory(directory).auto_compact(false);
    match random.below(26) {
        0 | 1 if processes.len() < 5 => processes.push(start(directory)),
        2 if !processes.is_empty() => {
            let which = random.index(processes.len());
            processes.swap_remove(which);
        }
        3 => drop(open().compact().expect("ours")),
        4 => drop(open().clean(&Clean::new().dead(true)).expect("ours")),
        5 => *old = fs::read(&archive).unwrap_or_default(),
        // As who restores a backup does: in place, so that it is the same file.
        6 if !old.is_empty() => fs::write(&archive, &*old).expect("space"),
        7 => drop(fs::remove_file(&archive)),
        8 => {
            if let Some(name) = segments(directory).first() {
                let copy = directory.join(format!("copy{}.hc", random.below(3)));
                headcount_tests::files::copy_sparsely(&directory.join(name), &copy);
            }
        }
        9 => {
            for name in names(directory).iter().filter(|name| name.starts_with("copy")) {
                fs::remove_file(directory.join(name)).expect("it was there");
            }
        }
        // A segment that is cut in place is one that can't be read, whatever was read of it before;
        // and what is appended says nothing.
        10 => {
            let ours = |name: &&String| name.starts_with("copy");
            if let Some(name) = names(directory).iter().find(ours) {
                let copy = fs::File::options().write(true).open(directory.join(name));
                copy.and_then(|copy| copy.set_len(random.below(1 << 33))).expect("it is there");
            }
        }
        what => {
            if processes.is_empty() {
                return;
            }
            let process = random.below(processes.len() as u64);
            let process = &mut processes[usize::try_from(process).expect("few")];
            let command = match what {
                11 | 12 => format!("remove {tenant}"),
                13 => "clear tenant_euros_total".to_owned(),
                14 | 15 => format!("level {tenant}"),
                16 | 17 => format!("observe {tenant}"),
                _ => format!("inc {tenant} {}", random.below(100)),
            };
            process.tell(&command);
        }
    }
}

#[test]
fn a_collector_that_is_kept_yields_what_a_new_one_does() {
    for medium in [Medium::Memory, Medium::Disk] {
        let folder = temporary_directory(medium);
        let directory = folder.path().join("metrics");
        fs::create_dir(&directory).expect("it is new");
        let mut random = Random::seeded();
        let kept = Collector::from_directory(&directory).auto_compact(false);
        let (mut processes, mut old) = (Vec::new(), Vec::new());
        let mut pages = BTreeSet::new();
        for number in 0..400 {
            step(&mut random, &directory, &mut processes, &mut old);
            let new = page(&Collector::from_directory(&directory).auto_compact(false));
            let kept = page(&kept);
            assert_eq!(kept.lines().count(), new.lines().count(), "after step {number}");
            let differs = kept.lines().zip(new.lines()).find(|(kept, new)| kept != new);
            assert_eq!(differs, None, "after step {number}");
            pages.insert(new);
        }
        assert!(pages.len() > 100, "only {} pages differ", pages.len());
    }
}

/// So many are dead that a collector keeps their sums.
#[test]
fn a_collector_that_keeps_sums_yields_what_a_new_one_does() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("metrics");
    fs::create_dir(&directory).expect("it is new");
    let mut random = Random::seeded();
    let kept = Collector::from_directory(&directory).auto_compact(false);
    let (mut processes, mut old) = (Vec::new(), Vec::new());
    for round in 0..4 {
        for _ in 0..12 {
            let mut process = vec![start(&directory)];
            for _ in 0..8 {
                step(&mut random, &directory, &mut process, &mut old);
            }
        }
        for number in 0..40 {
            step(&mut random, &directory, &mut processes, &mut old);
            let kept = page(&kept);
            let new = page(&Collector::from_directory(&directory).auto_compact(false));
            assert_eq!(kept.lines().count(), new.lines().count(), "after step {round} {number}");
            let differs = kept.lines().zip(new.lines()).find(|(kept, new)| kept != new);
            assert_eq!(differs, None, "after step {round} {number}");
        }
    }
}

#[test]
fn a_child_collects_whatever_its_parents_threads_kept_when_it_was_forked() {
    let folder = temporary_directory(Medium::Memory);
    let mut parent = Command::new(env!("CARGO_BIN_EXE_misbehaving"));
    let output = parent.arg("fork-amid-collections").arg(folder.path()).output().expect("it runs");
    let reported = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{reported} {}", String::from_utf8_lossy(&output.stderr));
    assert!(reported.starts_with("page:\n"), "{reported}");
    assert!(reported.contains("\nwork_total 151\n"), "{reported}");
}

#[test]
fn threads_share_a_collector_and_no_count_falls() {
    let folder = temporary_directory(Medium::Memory);
    let collector = Collector::from_directory(folder.path());
    let is_over = AtomicBool::new(false);
    let sum = |collector: &Collector| -> u64 {
        let snapshot = collector.collect().expect("a snapshot");
        assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
        let calls = snapshot.families().iter().filter(|family| family.name == "tenant_calls_total");
        let values = calls.flat_map(|family| &family.series).map(|series| match series.value {
            Value::Counter(Number::Integer(n)) => n,
            ref other => panic!("{other:?}"),
        });
        values.sum()
    };
    let total = thread::scope(|scope| {
        let watchers: Vec<_> = (0..3)
            .map(|_| {
                let (collector, is_over, sum) = (collector.clone(), &is_over, &sum);
                scope.spawn(move || {
                    let mut before = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        let now = sum(&collector);
                        assert!(now >= before, "{before}, then {now}");
                        before = now;
                    }
                })
            })
            .collect();
        let mut total = 0;
        for round in 0..40 {
            // Each has the tenants in another order, and some of its own.
            let mut process = start(folder.path());
            for tenant in 0..20 {
                process.tell(&format!("inc {} 3", (tenant * 7 + round) % (20 + round)));
                total += 3;
            }
            if round % 10 == 9 {
                drop(process);
                collector.compact().expect("ours");
            }
        }
        is_over.store(true, Ordering::Relaxed);
        for watcher in watchers {
            watcher.join().expect("no count fell");
        }
        total
    });
    assert_eq!(sum(&collector), total);
}
