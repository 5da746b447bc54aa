//! What the dead have counted is folded into one file, and no number changes; a collection costs
//! what the living cost, however many have come and gone.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount::{Collector, Compacted, MarkedDead, MetricFamily, SegmentState, Value};
use headcount_tests::child::Child;
use headcount_tests::files::{bytes, copy_sparsely, names, segments};
use headcount_tests::obedient::Obedient;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory, within};
use nix::libc;
use tempfile::TempDir;

const ARCHIVE: &str = "archive.hca";
const LOCK: &str = ".compact.lock";

fn remains(arguments: &[&str]) -> Child {
    Child::start(Command::new(env!("CARGO_BIN_EXE_remains")).args(arguments))
}

#[track_caller]
fn run(arguments: &[&str]) -> String {
    let mut child = remains(arguments);
    let status = within(Duration::from_secs(300), "the program has ended", || child.ended());
    assert!(status.success(), "{status:?}:\n{}", child.output());
    child.all_output()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A process that has counted something of every kind, and has ended.
fn count(directory: &Path, n: u32) {
    run(&["count", text(directory), &n.to_string()]);
}

/// One that has counted, and lives.
fn hold(directory: &Path, n: u32) -> Child {
    let child = remains(&["hold", text(directory), &n.to_string()]);
    eventually("it has counted", || child.output().contains("ready").then_some(()));
    child
}

/// What was counted, with everything that is known of it; without what the collector tells of
/// itself.
#[track_caller]
fn counted(directory: &Path) -> Vec<MetricFamily> {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let mut families = snapshot.families().to_vec();
    families.retain(|f| !f.name.starts_with("headcount_") && !f.series.is_empty());
    families
}

/// A gauge of the collector's own.
#[track_caller]
fn about(directory: &Path, name: &str, label: Option<&str>) -> f64 {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    let family = snapshot.families().iter().find(|family| family.name == name).expect("a family");
    let is_meant = |labels: &headcount::LabelSet| {
        label.is_none_or(|label| labels.iter().any(|(_, value)| value == label))
    };
    let series = family.series.iter().find(|series| is_meant(&series.labels)).expect("a series");
    match series.value {
        Value::Gauge(value) => value,
        ref other => panic!("{other:?}"),
    }
}

#[track_caller]
fn compact(directory: &Path) -> usize {
    let compacted = compacted(directory);
    assert!(compacted.skipped().is_empty(), "{:?}", compacted.skipped());
    compacted.segments()
}

#[track_caller]
fn compacted(directory: &Path) -> Compacted {
    Collector::from_directory(directory).compact().expect("it is ours")
}

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
    // The same files, so that what differs is the folding.
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

fn with_dead(times: u32) -> TempDir {
    let folder = temporary_directory(Medium::Memory);
    run(&["short-lived", text(folder.path()), &times.to_string()]);
    assert_eq!(segments(folder.path()).len(), times as usize);
    folder
}

#[test]
fn a_collection_compacts_from_64_dead_on() {
    let folder = with_dead(63);
    let directory = folder.path();
    let _living = hold(directory, 1);
    let collect = |folds: bool| {
        Collector::from_directory(directory).auto_compact(folds).collect().expect("a snapshot");
    };
    collect(true);
    assert_eq!(segments(directory).len(), 64, "63 dead are not enough");
    run(&["short-lived", text(directory), "1"]);
    collect(false);
    assert_eq!(segments(directory).len(), 65, "it was told not to");
    let before = counted(directory);
    // As many as it has time for.
    eventually("64 dead are enough", || {
        collect(true);
        (segments(directory).len() < 65).then_some(())
    });
    assert!(names(directory).contains(&ARCHIVE.to_owned()));
    assert_eq!(counted(directory), before);
}

#[test]
fn what_keeps_collections_from_compaction_is_reported() {
    let folder = with_dead(64);
    let directory = folder.path();
    fs::create_dir(directory.join(".compact.lock")).expect("ours");
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    let [why] = snapshot.skipped() else { panic!("{:?}", snapshot.skipped()) };
    assert_eq!(why.path(), Some(&*directory.join(".compact.lock")), "{why}");
    let text = snapshot.to_text();
    assert!(text.contains("headcount_files_skipped{reason=\"io\"} 1\n"), "{text}");
    assert_eq!(segments(directory).len(), 64);
    fs::remove_dir(directory.join(".compact.lock")).expect("ours");
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
}

#[test]
fn a_collection_compacts_nothing_in_a_directory_that_it_may_not_write() {
    let folder = with_dead(70);
    let directory = folder.path();
    let before = names(directory);
    let nobody = 65_534;
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    };
    if fs::metadata("/proc/self").expect("it is there").uid() == 0 {
        // Somebody else's, who may read it.
        mode(directory, 0o755);
        for name in &before {
            mode(&directory.join(name), 0o644);
        }
        let said = run(&["collect-as", &nobody.to_string(), text(directory)]);
        assert!(said.contains("the directory is not this user's to write"), "{said}");
    } else {
        mode(directory, 0o500);
        Collector::from_directory(directory).collect().expect("it may read");
        Collector::from_directory(directory).compact().expect_err("it may not write");
        mode(directory, 0o700);
    }
    assert_eq!(names(directory), before);
}

#[test]
fn what_root_compacts_in_another_users_directory_is_that_users() {
    if fs::metadata("/proc/self").expect("it is there").uid() != 0 {
        eprintln!("not tested: only root can give a directory away");
        return;
    }
    let folder = with_dead(2);
    let directory = folder.path();
    let nobody = 65_534;
    for name in segments(directory) {
        std::os::unix::fs::chown(directory.join(name), Some(nobody), None).expect("root may");
    }
    std::os::unix::fs::chown(directory, Some(nobody), None).expect("root may");
    assert_eq!(compact(directory), 2);
    for name in [ARCHIVE, LOCK] {
        assert_eq!(
            fs::metadata(directory.join(name)).expect("it is there").uid(),
            nobody,
            "{name}"
        );
    }
}

/// However many have come and gone: one archive, and the living.
fn churn(times: u32, of: u32) {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let _living = hold(directory, 1);
    let one = bytes(directory);
    for _ in 0..of {
        run(&["short-lived", text(directory), &times.to_string()]);
        compact(directory);
        assert_eq!(names(directory).len(), 3, "{:?}", names(directory));
    }
    // Tombstones age by generation.
    for _ in 0..6 {
        count(directory, 1);
        compact(directory);
    }
    assert_eq!(segments(directory).len(), 1);
    assert!(bytes(directory) < one + (64 << 10), "{} bytes beside {one}", bytes(directory));
    assert!(about(directory, "headcount_processes", Some("dead")).abs() < 0.1);
    let archived = f64::from(times * of + 6);
    assert!((about(directory, "headcount_archived_processes", None) - archived).abs() < 0.1);
    let families = counted(directory);
    let made = families.iter().find(|family| family.name == "made_total").expect("it was counted");
    // One each; and `count(1)` twice, in each of seven.
    let expected = u64::from(times * of) + 2 * 7;
    assert_eq!(made.series[0].value, Value::Counter(headcount::Number::Integer(expected)));
}

#[test]
fn after_many_short_lived_workers_there_are_the_living_and_one_archive() {
    churn(150, 3);
}

#[test]
#[ignore = "takes a minute; tests/run runs it"]
fn after_ten_thousand_short_lived_workers_there_are_the_living_and_one_archive() {
    churn(5_000, 2);
}

/// Copies of all segments that lie there, to be put back.
fn saved(directory: &Path) -> TempDir {
    let aside = temporary_directory(Medium::Memory);
    for name in segments(directory) {
        copy_sparsely(&directory.join(&name), &aside.path().join(&name));
    }
    aside
}

fn put_back(from: &Path, directory: &Path) {
    for name in segments(from) {
        copy_sparsely(&from.join(&name), &directory.join(&name));
    }
}

#[test]
fn a_compactor_killed_before_it_removed_the_files_has_counted_them_once() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    for n in [1, 2, 3] {
        count(directory, n);
    }
    let aside = saved(directory);
    let mut before = counted(directory);
    assert_eq!(compact(directory), 3);
    // As it looks after a kill between the commit and the end; generation upon generation, as if
    // each were killed.
    for generation in 0..12 {
        put_back(aside.path(), directory);
        assert_eq!(counted(directory), before, "{generation}");
        let archived = Collector::from_directory(directory).segments().expect("readable");
        assert_eq!(archived.len(), 3);
        for segment in archived {
            assert_eq!(segment.state(), SegmentState::Archived);
            assert_eq!(segment.why(), "in the archive already; waits to be removed");
        }
        // Something to be folded, so that there is a new generation.
        count(directory, generation);
        before = counted(directory);
        assert_eq!(compact(directory), 1);
        assert_eq!(segments(directory), [""; 0]);
        assert_eq!(counted(directory), before, "{generation}");
    }
    // Where there is nothing else to be folded they are removed as well.
    put_back(aside.path(), directory);
    assert_eq!(compact(directory), 0);
    assert_eq!(names(directory), [LOCK, ARCHIVE]);
    assert_eq!(counted(directory), before);
}

#[test]
fn a_tombstone_stays_while_its_file_can_not_be_opened() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    count(directory, 5);
    let aside = saved(directory);
    let name = segments(directory).remove(0);
    assert_eq!(compact(directory), 1);
    put_back(aside.path(), directory);
    // A second name: nobody opens it, for longer than tombstones are kept.
    let second = directory.join("second");
    fs::hard_link(directory.join(&name), &second).expect("a link");
    for n in 0..8 {
        count(directory, n);
        let compacted = compacted(directory);
        assert_eq!((compacted.segments(), compacted.skipped().len()), (1, 1));
    }
    fs::remove_file(second).expect("ours");
    let mut before = counted(directory);
    assert_eq!(compact(directory), 0);
    assert_eq!(segments(directory), [""; 0]);
    assert_eq!(counted(directory), before);
    before.retain(|family| family.name == "made_total");
    let expected = 5 + 1 + (0..8).map(|n| n + 1).sum::<u64>();
    let value = Value::Counter(headcount::Number::Integer(expected));
    assert_eq!(before[0].series[0].value, value);
}

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
    assert_eq!(segments(directory).len(), 3, "neither is folded");
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
fn a_child_forked_by_a_compactor_does_not_keep_the_lock() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    // Many files that stay: looking at them takes long, and the lock is held meanwhile.
    let _living = hold(directory, 1);
    let original = directory.join(segments(directory).remove(0));
    for number in 0..300 {
        copy_sparsely(&original, &directory.join(format!("copy-{number}.hc")));
    }
    let mut folds_and_forks = remains(&["compact-while-forking", text(directory)]);
    // It ends in the middle of it, by itself; the lock is not given back.
    let status = folds_and_forks.wait();
    assert_eq!(status.signal(), Some(libc::SIGKILL), "{}", folds_and_forks.output());
    assert!(!folds_and_forks.group_is_gone(), "its children live");
    count(directory, 1);
    // The youngest may be on its way through its fork handler.
    let done =
        eventually("nobody has the lock", || Collector::from_directory(directory).compact().ok());
    assert_eq!(done.segments(), 1);
    assert!(!folds_and_forks.group_is_gone(), "its children live");
}

#[test]
fn two_compactors_at_once_are_one_compactor() {
    let folder = with_dead(200);
    let directory = folder.path();
    let before = counted(directory);
    let mut rivals: Vec<Child> = (0..4).map(|_| remains(&["compact", text(directory)])).collect();
    let mut sum = 0;
    for rival in &mut rivals {
        let output = rival.all_output();
        match output.strip_prefix("folded: ") {
            Some(number) => sum += number.trim().parse::<usize>().expect("a number"),
            None => assert!(output.contains("another process is compacting"), "{output}"),
        }
    }
    assert_eq!(sum, 200);
    assert_eq!(counted(directory), before);
    assert_eq!(names(directory), [LOCK, ARCHIVE]);
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

#[test]
fn where_locks_say_nothing_the_process_itself_is_looked_for() {
    // Where in the header they stand.
    const NAMESPACE: usize = 64;
    const STARTED: usize = 80;
    const INSTANCE: usize = 32;
    const WEAK: (usize, u64) = (120, 3);
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
    // Only what has surely ended is folded.
    assert_eq!(compact(directory), 1);
    assert_eq!(segments(directory), ["elsewhere.hc", "weak.hc"]);
    living.kill();
    assert_eq!(said(), [elsewhere, ("weak.hc".to_owned(), SegmentState::Dead, ended)]);
    assert_eq!(compact(directory), 1);
    assert_eq!(segments(directory), ["elsewhere.hc"]);
    assert_eq!(compact(directory), 0);
}

#[test]
fn a_sum_beyond_the_greatest_number_is_the_same_compacted_in_any_batches() {
    let max = f64::MAX.to_string();
    let least = format!("-{max}");
    let values = [&*max, &*max, &*least, &*least, "1"];
    // None is folded, then after each of them, then after every second.
    for folds_after in [usize::MAX, 1, 2] {
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
            if (number + 1) % folds_after == 0 {
                Collector::from_directory(folder.path()).compact().expect("ours");
            }
        }
        assert_eq!(sum(), Some(1.0), "folded after every {folds_after}");
        Collector::from_directory(folder.path()).compact().expect("ours");
        assert_eq!(sum(), Some(1.0), "folded after every {folds_after}, and in the end");
    }
}
