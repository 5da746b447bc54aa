//! Series come and go, for ever: what a process holds is bounded by those that are there, and no
//! count is lost, doubled, or another's.

#![allow(clippy::float_cmp, reason = "whole numbers")]

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headcount::{Collector, Number, Snapshot, Value};
use headcount_tests::files::segments;
use headcount_tests::obedient::Obedient;
use headcount_tests::{Medium, is_long, temporary_directory, within};

fn start(directory: &Path) -> Obedient {
    let mut process = Obedient::start(env!("CARGO_BIN_EXE_churner"), directory);
    assert_eq!(process.tell("dropped"), "0");
    process
}

#[track_caller]
fn does(process: &mut Obedient, command: &str) {
    assert_eq!(process.tell(command), "done", "{command}");
}

/// The counts of a family's series.
#[track_caller]
fn counts(directory: &Path, family: &str) -> BTreeMap<String, f64> {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let family = snapshot.families().iter().find(|one| one.name == family);
    let series = family.map(|family| family.series.iter()).into_iter().flatten();
    let one = |series: &headcount::Series| {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let n = match &series.value {
            Value::Counter(Number::Integer(n)) => *n as f64,
            Value::Counter(Number::Float(n)) => *n,
            Value::Histogram(histogram) => histogram.sum,
            other => panic!("{other:?}"),
        };
        (series.labels.get("guest").expect("a guest").to_owned(), n)
    };
    series.map(one).collect()
}

/// Its segment; its dead children's lie beside it.
fn segment(directory: &Path, process: &Obedient) -> PathBuf {
    let begins = format!("{}-", process.pid());
    let name = segments(directory).into_iter().find(|name| name.starts_with(&begins));
    directory.join(name.expect("it is there"))
}

/// A word of its segment.
fn word(directory: &Path, process: &Obedient, offset: u64) -> u64 {
    let file = File::open(segment(directory, process)).expect("it is there");
    let mut word = [0; 8];
    file.read_exact_at(&mut word, offset).expect("it is long");
    u64::from_le_bytes(word)
}

const LOG_USED: u64 = 0x1040;
const SLOTS_USED: u64 = 0x1080;

/// KiB of blocks of its segment.
fn blocks(directory: &Path, process: &Obedient) -> u64 {
    segment(directory, process).metadata().expect("it is there").blocks() / 2
}

#[test]
fn what_a_process_holds_is_bounded_by_the_series_that_are_there() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    let first: Vec<u64> = process.tell("child").split(' ').map(|n| n.parse().unwrap()).collect();
    let (part, parts) = if is_long() { (1_000_000, 10) } else { (20_000, 5) };
    let mut held = Vec::new();
    for round in 0..parts {
        // One in 4,000 stays, so that each part of the memory has some that live on.
        does(&mut process, &format!("turn {} {part} 4000", round * part));
        if is_long() || round < 2 || round + 1 == parts {
            does(&mut process, "settle 20000000");
        }
        let child = process.tell("child");
        let child: Vec<u64> = child.split(' ').map(|n| n.parse().unwrap()).collect();
        let memory: u64 = process.tell("memory").parse().unwrap();
        let log = word(directory, &process, LOG_USED) & 0xffff_ffff;
        println!(
            "{round}: blocks {} KiB, own {memory} KiB, log {log}, child {child:?}",
            blocks(directory, &process)
        );
        held.push((blocks(directory, &process), memory, log, child));
    }
    assert_eq!(process.tell("dropped"), "0");
    assert_eq!(process.tell("problem"), "None");
    let stayed = part * parts / 4_000;
    assert_eq!(counts(directory, "guest_calls_total").len() as u64, stayed);
    assert_eq!(process.tell("page guest_calls_total"), stayed.to_string());
    assert!(counts(directory, "guest_calls_total").values().all(|n| *n == 1.0));
    let early = held[0].1.max(held[1].1);
    for (round, (blocks, _, log, child)) in held.iter().enumerate() {
        assert!(*blocks < 3 * 1024 * 8, "{round}: {held:?}");
        assert!(*log < 1 << 20, "{round}: {held:?}");
        assert!(child[1] <= first[1] + 1024, "the child's own memory: {first:?}, {held:?}");
    }
    // A row that stays may keep a page, which is 4 KiB, in which all others were removed. What is
    // added for each of those that came and went would be more than a byte in the long run.
    let last = held.last().expect("some").1;
    assert!(last < early + 2 * 1024 + 5 * stayed, "{held:?}");
    drop(process);
    // It and its children.
    let dead = Collector::from_directory(directory).compact().expect("ours").segments();
    assert_eq!(dead as u64, parts + 2);
    assert_eq!(counts(directory, "guest_calls_total").len() as u64, stayed);
}

/// Makes and removes rows until cells are used again.
fn until_cells_are_used_again(process: &mut Obedient, directory: &Path) {
    // So many that the log is rewritten.
    does(process, "turn 0 2000 0");
    let mut number = 10_000_000;
    within(Duration::from_secs(60), "cells are used again", || {
        let before = word(directory, process, SLOTS_USED);
        does(process, &format!("turn {number} 1 0"));
        number += 1;
        (word(directory, process, SLOTS_USED) == before).then_some(())
    });
}

#[test]
fn a_handle_that_was_kept_counts_in_no_other_series() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    does(&mut process, "inc stays 5");
    does(&mut process, "keep old 0 2000");
    assert_eq!(process.tell("clear guest_calls_total"), "2001");
    does(&mut process, "inc stays 7");
    until_cells_are_used_again(&mut process, directory);
    // As many as were removed, and more: some lie where those lay.
    let before = word(directory, &process, SLOTS_USED);
    for number in 0..2500 {
        does(&mut process, &format!("inc new{number} 1"));
    }
    assert!(word(directory, &process, SLOTS_USED) < before + 2000, "cells were used again");
    does(&mut process, "use");
    let seen = counts(directory, "guest_calls_total");
    assert_eq!(seen.len(), 2501);
    assert_eq!(seen["stays"], 7.0);
    assert!(seen.iter().all(|(guest, n)| *n == if guest == "stays" { 7.0 } else { 1.0 }));
    assert_eq!(process.tell("dropped"), "0");
    // By name they are back.
    does(&mut process, "inc old7 3");
    assert_eq!(counts(directory, "guest_calls_total")["old7"], 3.0);
}

#[test]
fn what_others_have_goes_on_however_many_came_and_went() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let [mut a, mut b] = [0; 2].map(|_| start(directory));
    does(&mut b, "inc shared 1000");
    does(&mut b, "pay shared 0.3");
    does(&mut b, "observe shared 3");
    let mut expected = (1000.0, 1, 0.3);
    // Each time it comes and goes in the one, while the other has it.
    for round in 0..8 {
        does(&mut a, "inc shared 1");
        does(&mut a, "pay shared 0.1");
        does(&mut a, "observe shared 3");
        does(&mut a, "inc lonely 1");
        expected = (expected.0 + 1.0, expected.1 + 1, expected.2 + 0.1);
        let before = counts(directory, "guest_euros_total")["shared"];
        for family in ["guest_calls_total", "guest_euros_total", "guest_size"] {
            assert_eq!(a.tell(&format!("remove {family} shared")), "1");
        }
        assert_eq!(a.tell("remove guest_calls_total lonely"), "1");
        does(&mut a, &format!("turn {} 1500 0", round * 1500));
        let seen = counts(directory, "guest_calls_total");
        assert_eq!(seen, BTreeMap::from([("shared".to_owned(), expected.0)]), "{round}");
        assert_eq!(counts(directory, "guest_size")["shared"], 3.0 * f64::from(expected.1));
        let now = counts(directory, "guest_euros_total")["shared"];
        assert!(now >= before && (now - expected.2).abs() < 1e-9, "{before}, {now}");
        assert_eq!(a.tell("page guest_calls_total"), "1");
    }
    let before = counts(directory, "guest_euros_total")["shared"];
    drop(a);
    for _ in 0..2 {
        let seen = counts(directory, "guest_calls_total");
        assert_eq!(seen, BTreeMap::from([("shared".to_owned(), expected.0)]));
        assert_eq!(counts(directory, "guest_size")["shared"], 3.0 * f64::from(expected.1));
        assert!(counts(directory, "guest_euros_total")["shared"] >= before);
        Collector::from_directory(directory).compact().expect("ours");
    }
    // Once nobody has it, it begins anew.
    assert_eq!(b.tell("remove guest_calls_total shared"), "1");
    assert_eq!(counts(directory, "guest_calls_total").len(), 0);
    does(&mut b, "inc shared 2");
    assert_eq!(counts(directory, "guest_calls_total")["shared"], 2.0);
}

#[test]
fn what_comes_and_goes_while_another_has_it_is_bounded_and_exact() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let [mut a, mut b] = [0; 2].map(|_| start(directory));
    for family in ["inc", "pay", "observe"] {
        does(&mut b, &format!("{family} shared 0"));
    }
    let families = ["guest_calls_total", "guest_euros_total", "guest_size"];
    let mut turns = 0_u32;
    let check = |turns: u32| {
        let seen = families.map(|family| counts(directory, family)["shared"]);
        // The product is rounded once, as an exact sum is.
        let sum = f64::from(turns) * 0.1;
        assert_eq!(seen, [f64::from(turns), sum, sum], "{turns} turns");
    };
    // Rows are combined once nobody can be counting in them: some seconds later.
    for _ in 0..2 {
        does(&mut a, "come-and-go shared 1000 0.1");
        turns += 1000;
        check(turns);
        let log = |a: &Obedient| word(directory, a, LOG_USED) & 0xffff_ffff;
        assert!(log(&a) > 200 * 1024, "{}", log(&a));
        // Not one turn after the other: the log would grow by as much as is taken out of it.
        let mut turned = Instant::now();
        within(Duration::from_secs(120), "rows that came and went are combined", || {
            if turned.elapsed() >= Duration::from_secs(1) {
                does(&mut a, "come-and-go shared 1 0.1");
                turns += 1;
                turned = Instant::now();
            }
            (log(&a) < 64 * 1024).then_some(())
        });
        check(turns);
    }
    assert_eq!(a.tell("dropped"), "0");
    assert_eq!(a.tell("problem"), "None");
    drop(a);
    check(turns);
    Collector::from_directory(directory).compact().expect("ours");
    check(turns);
    // Once nobody has it, it begins anew.
    assert_eq!(b.tell("remove guest_euros_total shared"), "1");
    does(&mut b, "pay shared 2");
    assert_eq!(counts(directory, "guest_euros_total")["shared"], 2.0);
}

#[test]
fn what_nobody_touches_goes_and_no_count_falls() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let [mut a, mut b] = [0; 2].map(|_| start(directory));
    does(&mut a, "visit both");
    does(&mut a, "visit one");
    does(&mut a, "inc stays 1");
    // From here on only the other process touches it.
    let mut expected = 1.0;
    within(Duration::from_secs(60), "the untouched row is gone", || {
        does(&mut b, "visit both");
        expected += 1.0;
        let seen = counts(directory, "guest_visits_total");
        assert_eq!(seen["both"], expected);
        (!seen.contains_key("one")).then_some(())
    });
    // The first has removed its own part as well, which still counts; a family without a timeout
    // keeps what it has.
    assert_eq!(a.tell("remove guest_visits_total both"), "0");
    assert_eq!(counts(directory, "guest_visits_total")["both"], expected);
    assert_eq!(counts(directory, "guest_calls_total")["stays"], 1.0);
    does(&mut a, "visit one");
    assert_eq!(counts(directory, "guest_visits_total")["one"], 1.0);
}

/// Bytes that this thread has read.
fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").expect("there is /proc");
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.expect("it is there").parse().expect("a number")
}

#[test]
fn a_collector_reads_only_what_a_log_has_grown_by() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    does(&mut process, "keep some 0 20000");
    let log = word(directory, &process, LOG_USED) & 0xffff_ffff;
    assert!(log > 1_000_000, "{log}");
    let kept = Collector::from_directory(directory);
    let mut read = Vec::new();
    for round in 0..4 {
        let before = bytes_read();
        let snapshot = kept.collect().expect("a snapshot");
        read.push(bytes_read() - before);
        let new = Collector::from_directory(directory).collect().expect("a snapshot");
        let family = |snapshot: &Snapshot| {
            let family = snapshot.families().iter().find(|one| one.name == "guest_calls_total");
            family.expect("it is there").series.len()
        };
        assert_eq!(family(&snapshot), family(&new));
        does(&mut process, &format!("inc new{round} 1"));
        assert_eq!(process.tell(&format!("remove guest_calls_total some{round}")), "1");
    }
    // All cells, and some pages of words.
    let most = 8 * word(directory, &process, SLOTS_USED) * 2 + 64 * 1024;
    assert!(read[0] > log && read[1..].iter().all(|read| *read < most), "{read:?}, {log}, {most}");
}
