//! What reads the same before and after a compaction.

use std::fs;

use headcount::Collector;
use headcount_tests::files::{copy_sparsely, names, segments};
use headcount_tests::obedient::Obedient;
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory};

use crate::{ARCHIVE, LOCK, about, compact, count, counted, hold};

fn everything_reads_the_same(medium: Medium) {
    let folder = temporary_directory(medium);
    let directory = folder.path();
    for n in [1, 5, 14] {
        count(directory, n);
    }
    let mut living = hold(directory, 3);
    let before = counted(directory);
    let shown: Vec<&str> = before.iter().map(|family| family.name.as_str()).collect();
    for name in [
        "inner_step_seconds",
        "level_added",
        "level_all",
        "level_livesum",
        "level_max",
        "level_min",
        "level_mostrecent",
        "made_total",
        "phase_all",
        "phase_mostrecent",
        "queue_level",
        "queue_size_bytes",
        "requests_total",
        "size_bytes",
        "spent_euros_total",
        "step_seconds",
        "steps_total",
        "tenant_calls_total",
        "weight_grams",
    ] {
        assert!(shown.contains(&name), "{name} in {shown:?}");
    }

    assert_eq!(compact(directory), 3);
    assert_eq!(counted(directory), before);
    let living_file = segments(directory);
    assert_eq!(living_file.len(), 1);
    assert_eq!(names(directory), [LOCK, &living_file[0], ARCHIVE]);

    // Nothing more to be done.
    let archive = fs::read(directory.join(ARCHIVE)).expect("ours");
    assert_eq!(compact(directory), 0);
    assert_eq!(fs::read(directory.join(ARCHIVE)).expect("ours"), archive);

    // A second generation adds to the first.
    for n in [2, 33] {
        count(directory, n);
    }
    let before = counted(directory);
    assert_eq!(compact(directory), 2);
    assert_eq!(counted(directory), before);

    // And what lived until now.
    living.kill();
    let before = counted(directory);
    assert_eq!(compact(directory), 1);
    assert_eq!(counted(directory), before);
    assert_eq!(names(directory), [LOCK, ARCHIVE]);
    assert!((about(directory, "headcount_archived_processes", None) - 6.0).abs() < 0.1);
    assert!((about(directory, "headcount_archive_generation", None) - 3.0).abs() < 0.1);
}

#[test]
fn what_the_dead_counted_reads_the_same_after_compaction() {
    everything_reads_the_same(Medium::Memory);
}

#[test]
fn what_the_dead_counted_reads_the_same_after_compaction_on_disk() {
    everything_reads_the_same(Medium::Disk);
}

#[test]
fn compacted_one_by_one_or_all_at_once_the_sums_are_the_same() {
    let folders = [0; 2].map(|_| temporary_directory(Medium::Memory));
    let [one_by_one, together] = [folders[0].path(), folders[1].path()];
    for n in 1..20 {
        count(one_by_one, n);
    }
    // The same files, so that what differs is the compaction.
    for name in segments(one_by_one) {
        copy_sparsely(&one_by_one.join(&name), &together.join(&name));
    }
    let before = counted(together);
    assert_eq!(compact(together), 19);
    assert_eq!(counted(together), before);

    let files: Vec<_> = segments(one_by_one);
    let aside = temporary_directory(Medium::Memory);
    for name in &files {
        fs::rename(one_by_one.join(name), aside.path().join(name)).expect("ours");
    }
    for name in files.iter().rev() {
        fs::rename(aside.path().join(name), one_by_one.join(name)).expect("ours");
        assert_eq!(compact(one_by_one), 1);
    }
    assert_eq!(counted(one_by_one), before);
}

#[test]
fn a_sum_beyond_the_greatest_number_is_the_same_compacted_in_any_batches() {
    let max = f64::MAX.to_string();
    let least = format!("-{max}");
    let values = [&*max, &*max, &*least, &*least, "1"];
    // None is compacted, then after each of them, then after every second.
    for every in [usize::MAX, 1, 2] {
        let folder = temporary_directory(Medium::Memory);
        let sum = || {
            let snapshot = Collector::from_directory(folder.path()).auto_compact(false).collect();
            let text = snapshot.expect("a snapshot").to_text();
            Page::parse(&text).expect("a page").value("level_added")
        };
        for (number, value) in values.iter().enumerate() {
            let mut process = Obedient::start(env!("CARGO_BIN_EXE_remains"), folder.path());
            assert_eq!(process.tell(&format!("added {value}")), "done");
            drop(process);
            if (number + 1) % every == 0 {
                Collector::from_directory(folder.path()).compact().expect("ours");
            }
        }
        assert_eq!(sum(), Some(1.0), "compacted after every {every}");
        Collector::from_directory(folder.path()).compact().expect("ours");
        assert_eq!(sum(), Some(1.0), "compacted after every {every}, and in the end");
    }
}
