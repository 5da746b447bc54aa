//! Whose files are compacted, and whose are not.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use headcount::{Collector, MarkedDead, MetricFamily, SegmentState, Value};
use headcount_tests::files::{copy_sparsely, names, segments, text};
use headcount_tests::obedient::Obedient;
use headcount_tests::{Medium, eventually, temporary_directory};

use crate::{ARCHIVE, LOCK, compact, compacted, count, counted, hold, remains};

#[test]
fn a_copy_of_a_living_segment_is_not_compacted_and_does_not_hide_it() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = hold(directory, 4);
    let before = counted(directory);
    let name = segments(directory).remove(0);
    for copy in ["0-copy.hc", "z-copy.hc"] {
        copy_sparsely(&directory.join(&name), &directory.join(copy));
    }
    count(directory, 1);
    assert_eq!(compacted(directory).segments(), 1);
    assert_eq!(segments(directory).len(), 3, "neither is compacted");
    let states: Vec<_> = Collector::from_directory(directory).segments().expect("readable");
    let states: Vec<_> = states.iter().map(|s| (s.file_name(), s.state())).collect();
    assert_eq!(
        states,
        [
            ("0-copy.hc", SegmentState::Copy),
            (&*name, SegmentState::Live),
            ("z-copy.hc", SegmentState::Copy)
        ]
    );
    fs::remove_file(directory.join("0-copy.hc")).expect("ours");
    // Dead, it is two files of one process: they count once.
    living.kill();
    assert_eq!(compacted(directory).segments(), 1);
    assert_eq!(names(directory), [LOCK, ARCHIVE]);
    let after = counted(directory);
    let value = |families: &[MetricFamily]| -> u64 {
        let made = families.iter().find(|family| family.name == "made_total").expect("counted");
        match made.series[0].value {
            Value::Counter(headcount::Number::Integer(n)) => n,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(value(&after), value(&before) + 2);
}

#[test]
fn what_was_counted_after_a_copy_was_made_is_kept() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = Obedient::start(env!("CARGO_BIN_EXE_remains"), directory);
    assert_eq!(process.tell("inc a 4"), "done");
    let name = segments(directory).remove(0);
    // Before and behind it in any order.
    for copy in ["0.hc", "z.hc"] {
        copy_sparsely(&directory.join(&name), &directory.join(copy));
    }
    assert_eq!(process.tell("inc a 9"), "done");
    let calls = || {
        let page = Collector::from_directory(directory).collect().expect("a snapshot").to_text();
        let line = page.lines().find_map(|line| line.strip_prefix("tenant_calls_total{"));
        line.expect("it is there").to_owned()
    };
    assert_eq!(calls(), "tenant=\"a\"} 13");
    drop(process);
    assert_eq!(calls(), "tenant=\"a\"} 13");
    let listed = Collector::from_directory(directory).segments().expect("readable");
    let dead = listed.iter().find(|one| one.state() == SegmentState::Dead).expect("the original");
    assert_eq!(dead.file_name(), name);
    assert_eq!(compacted(directory).segments(), 1);
    assert_eq!(calls(), "tenant=\"a\"} 13");
}

#[test]
fn a_process_marked_dead_is_compacted_if_it_is_dead() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = hold(directory, 2);
    let pid = u32::try_from(living.pid().as_raw()).expect("a pid");
    count(directory, 3);
    let collector = Collector::from_directory(directory);
    assert_eq!(collector.mark_process_dead(pid).expect("it is ours"), MarkedDead::Alive);
    assert_eq!(segments(directory).len(), 2);
    let before = counted(directory);
    living.kill();
    assert_eq!(collector.mark_process_dead(pid).expect("it is ours"), MarkedDead::Compacted(1));
    assert_eq!(segments(directory).len(), 1, "the other's is not meant");
    assert_eq!(collector.mark_process_dead(pid).expect("it is ours"), MarkedDead::Unknown);
    let after = counted(directory);
    let has = |families: &[MetricFamily], name: &str| families.iter().any(|f| f.name == name);
    assert!(has(&before, "level_livesum") && !has(&after, "level_livesum"));
    assert!(has(&after, "made_total"));
}

/// Writes numbers into a segment's header, and makes its checksum right.
fn change_header(segment: &Path, changes: &[(usize, u64)]) {
    let file = fs::File::options().read(true).write(true).open(segment).expect("ours");
    let mut header = vec![0; 4096];
    file.read_exact_at(&mut header, 0).expect("a header");
    for (at, number) in changes {
        header[*at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    let crc = crc32fast::hash(&header[..4092]);
    header[4092..].copy_from_slice(&crc.to_le_bytes());
    file.write_all_at(&header, 0).expect("written");
}

// Where in the header they stand.
const NAMESPACE: usize = 64;
const STARTED: usize = 80;
const INSTANCE: usize = 32;
/// What it says where locks can't be trusted.
const WEAK: (usize, u64) = (120, 3);

#[test]
fn who_counts_on_when_its_first_thread_has_ended_is_alive() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = remains(&["hold-in-a-thread", text(directory), "1"]);
    let stat = format!("/proc/{}/stat", living.pid());
    eventually("its first thread has ended, and the other waits", || {
        let stat = fs::read_to_string(&stat).expect("it is there");
        let is_zombie = stat.rsplit(") ").next().is_some_and(|fields| fields.starts_with('Z'));
        (is_zombie && living.output().contains("ready")).then_some(())
    });
    let state = || {
        let segments = Collector::from_directory(directory).segments().expect("readable");
        segments.iter().map(headcount::SegmentInfo::state).collect::<Vec<_>>()
    };
    assert_eq!(state(), [SegmentState::Live], "it holds its lock");
    // As if this filesystem had no locks.
    let original = directory.join(segments(directory).remove(0));
    copy_sparsely(&original, &directory.join("weak.hc"));
    change_header(&directory.join("weak.hc"), &[WEAK, (INSTANCE, 1)]);
    fs::rename(original, directory.join("original")).expect("ours");
    assert_eq!(state(), [SegmentState::Live]);
    assert_eq!(compact(directory), 0);
    living.kill();
    assert_eq!(state(), [SegmentState::Dead]);
}

#[test]
fn where_locks_say_nothing_the_process_itself_is_looked_for() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = hold(directory, 1);
    let pid = living.pid();
    let original = directory.join(segments(directory).remove(0));
    // Files that nobody holds a lock on, as if this filesystem had none.
    for (name, changes) in [
        ("weak.hc", vec![WEAK, (INSTANCE, 1)]),
        ("reused.hc", vec![WEAK, (INSTANCE, 2), (STARTED, 1)]),
        ("elsewhere.hc", vec![WEAK, (INSTANCE, 3), (NAMESPACE, 1)]),
    ] {
        copy_sparsely(&original, &directory.join(name));
        change_header(&directory.join(name), &changes);
    }
    fs::rename(original, folder.path().join("original")).expect("ours");
    let said = || -> Vec<(String, SegmentState, String)> {
        let mut all: Vec<_> = Collector::from_directory(directory)
            .segments()
            .expect("readable")
            .iter()
            .map(|one| (one.file_name().to_owned(), one.state(), one.why().to_owned()))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let elsewhere = (
        "elsewhere.hc".to_owned(),
        SegmentState::Unknown,
        "weak lock; in another pid namespace".to_owned(),
    );
    let ended = format!("weak lock; process {pid} has ended");
    let runs = format!("weak lock; process {pid} runs since the same moment");
    assert_eq!(
        said(),
        [
            elsewhere.clone(),
            ("reused.hc".to_owned(), SegmentState::Dead, ended.clone()),
            ("weak.hc".to_owned(), SegmentState::Live, runs),
        ]
    );
    // Only what has surely ended is compacted.
    assert_eq!(compact(directory), 1);
    assert_eq!(segments(directory), ["elsewhere.hc", "weak.hc"]);
    living.kill();
    assert_eq!(said(), [elsewhere, ("weak.hc".to_owned(), SegmentState::Dead, ended)]);
    assert_eq!(compact(directory), 1);
    assert_eq!(segments(directory), ["elsewhere.hc"]);
    assert_eq!(compact(directory), 0);
}
