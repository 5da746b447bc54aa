//! Two processes that would replace the same file at once, because the file by whose lock they take
//! turns was removed between them. The first is stopped at every place of its work in turn.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use headcount::{Collector, Number, ProcessMetrics, Value};
use headcount_tests::child::Child;
use headcount_tests::files::names;
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory, victim};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn victim() -> PathBuf {
    victim::build_victim(env!("CARGO"), Path::new(env!("CARGO_TARGET_TMPDIR")))
}

/// So many processes have counted 7 each, and were killed.
fn dead(victim: &Path, directory: &Path, n: usize) {
    for _ in 0..n {
        let mut one = Child::start(Command::new(victim).arg("bystander").arg(directory));
        eventually("it counts", || one.output().contains("ready").then_some(()));
        one.kill();
    }
}

#[track_caller]
fn assert_counted(directory: &Path, processes: u32, what: &str) {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{what}: {:?}", snapshot.skipped());
    let page = Page::parse(&snapshot.to_text()).expect("a page");
    let counted = page.value("bystander_total");
    assert_eq!(counted, Some(7.0 * f64::from(processes)), "{what}");
}

/// Stopped there, a compactor has lost its lock's file to somebody who tidies, and another one
/// compacts. `false`: the first one never came by.
fn rival_of_one_stopped_at(victim: &Path, place: &str, has_archive: bool) -> bool {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    dead(victim, directory, 2);
    if has_archive {
        Collector::from_directory(directory).compact().expect("the only one");
        dead(victim, directory, 2);
    }
    let before = if has_archive { 4 } else { 2 };
    let mut pause = Command::new(victim);
    let mut first = Child::start(pause.arg("pause").arg(directory).args(["compact", place]));
    if !first.stops() {
        return false;
    }
    let what = format!("{place}, with an archive: {has_archive}");
    assert_counted(directory, before, &what);
    let _ = fs::remove_file(directory.join(".compact.lock"));
    dead(victim, directory, 2);
    match Collector::from_directory(directory).compact() {
        Ok(_) => {}
        Err(error) => assert!(error.is_busy(), "{what}: {error}"),
    }
    assert_counted(directory, before + 2, &format!("{what}, the second one"));
    first.signal(Signal::SIGCONT);
    assert!(first.wait().success(), "{what}: {}", first.output());
    assert_counted(directory, before + 2, &format!("{what}, the first one goes on"));
    Collector::from_directory(directory)
        .compact()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_counted(directory, before + 2, &format!("{what}, compacted"));
    assert_eq!(names(directory), [".compact.lock", "archive.hca"], "{what}");
    true
}

/// A signal handler forks while the archive is written, and the child returns into the writing. It
/// has the file that its parent writes to, and its position.
#[test]
fn a_child_forked_while_the_archive_is_written_does_no_harm() {
    let victim = victim();
    for stops_at in
        ["compaction.write.before", "compaction.write.after", "compaction.remove.before"]
    {
        let folder = temporary_directory(Medium::Memory);
        let directory = folder.path();
        dead(&victim, directory, 3);
        let mut interrupted = Command::new(&victim);
        interrupted.arg("fork-at").arg(directory).args([
            "compact",
            "compaction.write.before",
            stops_at,
        ]);
        let mut parent = Child::start(&mut interrupted);
        assert!(parent.stops(), "{stops_at}: {}", parent.output());
        parent.signal(Signal::SIGCONT);
        assert!(parent.wait().success(), "{stops_at}: {}", parent.output());
        // Not all of its output, since the child has the pipe too, and may be stopped: the kernel
        // continues it only if no parent of its group's is in the same session.
        let child = eventually("it has named its child", || {
            let output = parent.output();
            let (_, named) = output.split_once("child: ")?;
            Some(named.split_once('\n')?.0.parse().expect("a process"))
        });
        assert_counted(directory, 3, stops_at);
        assert_eq!(names(directory), [".compact.lock", "archive.hca"], "{stops_at}");
        // Its parent is gone, so it ends unseen, whatever it tries.
        let child = Pid::from_raw(child);
        let _ = kill(child, Signal::SIGCONT);
        eventually("the child has ended", || kill(child, None).is_err().then_some(()));
        assert_counted(directory, 3, stops_at);
    }
}

#[test]
fn a_compactor_whose_lock_was_removed_replaces_nothing_that_another_has_written() {
    let victim = victim();
    let mut places = victim::places(&victim);
    places.retain(|name| name.starts_with("compaction."));
    let (next, stopped) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(name) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for place in ["before", "after"].map(|when| format!("{name}.{when}")) {
                        let times = [false, true].map(|has_archive| {
                            rival_of_one_stopped_at(&victim, &place, has_archive)
                        });
                        if times == [true, true] {
                            stopped.lock().expect("no thread failed").push(place);
                        }
                    }
                }
            });
        }
    });
    let stopped = stopped.into_inner().expect("no thread failed");
    for name in ["lock", "create", "write", "sync", "rename", "sync_directory", "unlink", "close"] {
        for place in ["before", "after"].map(|when| format!("compaction.{name}.{when}")) {
            assert!(stopped.contains(&place), "nobody stopped at {place}: {stopped:?}");
        }
    }
}

/// Processor time of all processes that ever were, as a page has it.
fn processor_time(directory: &Path) -> f64 {
    let collector = Collector::from_directory(directory)
        .auto_compact(false)
        .process_metrics(ProcessMetrics::Sum);
    let snapshot = collector.collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let family = snapshot.families().iter().find(|f| f.name == "process_cpu_seconds_total");
    match family.and_then(|family| family.series.first()).map(|series| &series.value) {
        Some(Value::Counter(Number::Float(seconds))) => *seconds,
        // Of the first ledger nobody knows yet what it will say.
        None => 0.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn processor_time_never_falls_when_the_ledgers_lock_was_removed() {
    let victim = victim();
    let mut places = victim::places(&victim);
    places.retain(|name| name.starts_with("ledger."));
    let mut stopped = Vec::new();
    for place in places.iter().flat_map(|name| ["before", "after"].map(|w| format!("{name}.{w}"))) {
        for has_ledger in [false, true] {
            let folder = temporary_directory(Medium::Memory);
            let directory = folder.path();
            let mut burner = Command::new(env!("CARGO_BIN_EXE_burner"));
            let mut burner = Child::start(burner.arg("burn").arg(directory));
            let is_there =
                || Collector::from_directory(directory).segments().is_ok_and(|s| !s.is_empty());
            eventually("it burns", || is_there().then_some(()));
            if has_ledger {
                processor_time(directory);
            }
            let mut first = Command::new(&victim);
            let first = first.arg("pause").arg(directory).args(["write-the-ledger", &place]);
            let mut first = Child::start(first);
            if !first.stops() {
                continue;
            }
            let _ = fs::remove_file(directory.join(".ledger.lock"));
            let begin = processor_time(directory);
            let shown = eventually("it has burnt some time", || {
                let now = processor_time(directory);
                // While the first one holds the ledger the total stays as it was.
                thread::sleep(Duration::from_millis(10));
                (now > begin + 0.1 || first_holds(directory)).then_some(now)
            });
            burner.kill();
            let shown = processor_time(directory).max(shown);
            first.signal(Signal::SIGCONT);
            assert!(first.wait().success(), "{place}: {}", first.output());
            for _ in 0..2 {
                let now = processor_time(directory);
                assert!(now >= shown, "{place}, {has_ledger}: {now} after {shown}");
            }
            stopped.push((place.clone(), has_ledger));
        }
    }
    for name in ["lock", "create", "write", "rename"] {
        for place in ["before", "after"].map(|when| format!("ledger.{name}.{when}")) {
            assert!(stopped.contains(&(place, true)), "{stopped:?}");
        }
    }
}

/// Whether somebody else has the lock of the ledger itself: the one that was stopped.
fn first_holds(directory: &Path) -> bool {
    use nix::fcntl::{Flock, FlockArg};
    let Ok(file) = fs::File::open(directory.join("processes.hcl")) else { return false };
    Flock::lock(file, FlockArg::LockSharedNonblock).is_err()
}
