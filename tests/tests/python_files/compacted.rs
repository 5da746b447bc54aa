//! Files of dead Python processes, which are taken into the archive on request.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use headcount::{Collector, Compacted, MarkedDead};
use headcount_tests::child::Child;
use headcount_tests::files::names;
use headcount_tests::namespaces::{are_namespaces_allowed, in_namespaces};
use headcount_tests::{Medium, eventually, peer, temporary_directory};
use nix::sys::signal::Signal;

use crate::files::{File, counter, key, page};

/// A number that no process has: beyond the greatest that the kernel gives.
const NOBODY: u32 = 4_200_000;

#[track_caller]
fn compact(directory: &Path) -> Compacted {
    Collector::from_directory(directory).compact_python_files().unwrap()
}

/// Compacts, and returns how many files are gone. No number may change.
#[track_caller]
fn compacts(directory: &Path) -> usize {
    let before = page(directory);
    let done = compact(directory);
    assert_eq!(page(directory), before);
    done.segments()
}

fn files(directory: &Path) -> Vec<String> {
    let all = names(directory);
    all.into_iter().filter(|name| name.contains(".db")).collect()
}

#[test]
fn counts_of_the_dead_move_into_the_archive_and_no_number_changes() {
    let directory = temporary_directory(Medium::Memory);
    let path = |name: &str| directory.path().join(name);
    for n in 0..3_u32 {
        let (pid, value) = (NOBODY + n, f64::from(n) + 0.1);
        counter("c", value).write(path(&format!("counter_{pid}.db")));
        let summary = File::today().with(key("s", "s_count"), 2.0).with(key("s", "s_sum"), value);
        summary.write(path(&format!("summary_{pid}.db")));
        let mut histogram = File::today().with(r#"["h", "h_sum", {"a": "b"}, "H."]"#, value);
        for le in ["0.5", "2.0", "+Inf"] {
            let key = format!(r#"["h", "h_bucket", {{"a": "b", "le": "{le}"}}, "H."]"#);
            histogram = histogram.with(key, f64::from(n));
        }
        histogram.write(path(&format!("histogram_{pid}.db")));
        for mode in ["all", "max", "min", "sum", "mostrecent"] {
            let name = format!("g_{mode}");
            let gauge = File::today().set_at(key(&name, &name), value, 1e9 + value);
            gauge.write(path(&format!("gauge_{mode}_{pid}.db")));
        }
    }
    assert_eq!(compacts(directory.path()), 3 * 6, "{:?}", files(directory.path()));
    let stay = files(directory.path());
    assert!(
        stay.iter()
            .all(|name| name.starts_with("gauge_all_") || name.starts_with("gauge_mostrecent_"))
    );
    assert_eq!(stay.len(), 6);
    assert_eq!(compacts(directory.path()), 0);
    // New processes count on beside the archive, and are taken in later.
    counter("c", 5.0).write(path(&format!("counter_{NOBODY}.db")));
    assert!(page(directory.path()).contains("\nc_total 8.3\n"), "{}", page(directory.path()));
    assert_eq!(compacts(directory.path()), 1);
}

#[test]
fn live_gauges_of_the_dead_are_removed() {
    let directory = temporary_directory(Medium::Memory);
    for mode in ["liveall", "livesum", "livemin", "livemax", "livemostrecent"] {
        let gauge = File::today().set_at(key("g", "g"), 1.0, 1e9);
        gauge.write(directory.path().join(format!("gauge_{mode}_{NOBODY}.db")));
        // This process lives.
        gauge.write(directory.path().join(format!("gauge_{mode}_{}.db", std::process::id())));
    }
    assert_eq!(compact(directory.path()).segments(), 5);
    let left = files(directory.path());
    assert_eq!(left.len(), 5);
    assert!(left.iter().all(|name| name.ends_with(&format!("_{}.db", std::process::id()))));
}

#[test]
fn a_process_that_is_marked_as_dead_loses_its_live_gauges_if_it_is() {
    let directory = temporary_directory(Medium::Memory);
    let path = |name: &str, pid: u32| directory.path().join(format!("{name}_{pid}.db"));
    let gauge = File::today().with(key("g", "g"), 1.0);
    for pid in [NOBODY, NOBODY + 1, std::process::id()] {
        gauge.write(path("gauge_livesum", pid));
        gauge.write(path("gauge_liveall", pid));
        counter("c", 1.0).write(path("counter", pid));
    }
    let collector = Collector::from_directory(directory.path());
    let mark = |pid| collector.mark_process_dead(pid).unwrap();
    assert_eq!(mark(std::process::id()), MarkedDead::Unknown);
    let open = fs::File::options().append(true).open(path("gauge_liveall", NOBODY)).unwrap();
    assert_eq!(mark(NOBODY), MarkedDead::Removed(1));
    drop(open);
    assert_eq!(mark(NOBODY), MarkedDead::Removed(1));
    assert_eq!(mark(NOBODY), MarkedDead::Unknown);
    assert_eq!(files(directory.path()).len(), 7);
}

#[test]
fn files_of_the_living_stay() {
    let directory = temporary_directory(Medium::Memory);
    let path = |pid: u32| directory.path().join(format!("counter_{pid}.db"));
    // One that has such a process, and one that somebody has open, whatever its name.
    counter("c", 1.0).write(path(std::process::id()));
    counter("c", 2.0).write(path(NOBODY));
    let open = fs::File::options().append(true).open(path(NOBODY)).unwrap();
    assert_eq!(compacts(directory.path()), 0);
    assert_eq!(files(directory.path()).len(), 2);
    drop(open);
    assert_eq!(compacts(directory.path()), 1);
    assert!(!path(NOBODY).exists());
    // Nobody says that a process of this name has ended.
    counter("c", 4.0).write(directory.path().join("counter_uwsgi_1.db"));
    assert_eq!(compacts(directory.path()), 0);
}

#[test]
fn what_the_archive_would_show_differently_stays_and_is_told() {
    let directory = temporary_directory(Medium::Memory);
    let path = |name: &str| directory.path().join(format!("{name}_{NOBODY}.db"));
    File::today().with(key("g", "g"), f64::NAN).write(path("gauge_min"));
    for (pid, le) in [(NOBODY, "1.0"), (NOBODY + 1, "2.0")] {
        let bucket = |le: &str| format!(r#"["h", "h_bucket", {{"le": "{le}"}}, "Help of h."]"#);
        File::today()
            .with(key("h", "h_sum"), 1.0)
            .with(bucket(le), 1.0)
            .with(bucket("+Inf"), 1.0)
            .write(directory.path().join(format!("histogram_{pid}.db")));
    }
    counter("c", 1.0).with(r#"["c", "c_total", {"a": 1}, ""]"#, 1.0).write(path("counter"));
    let before = page(directory.path());
    let done = compact(directory.path());
    assert_eq!((done.segments(), done.skipped().len()), (0, 4), "{:?}", done.skipped());
    assert_eq!(page(directory.path()), before);
    assert_eq!(files(directory.path()).len(), 4);
}

#[test]
fn what_an_interrupted_compaction_has_left_counts_once() {
    let directory = temporary_directory(Medium::Memory);
    // Killed behind the renaming.
    counter("c", 1.0).write(directory.path().join(format!("counter_{NOBODY}.db.folding")));
    counter("c", 2.0).write(directory.path().join(format!("counter_{NOBODY}.db")));
    assert!(page(directory.path()).ends_with("\nc_total 3\n"));
    // The other one cannot have this name, and is taken in next.
    assert_eq!(compacts(directory.path()), 2);
    assert_eq!(files(directory.path()), [""; 0]);
}

#[test]
fn collections_while_files_are_taken_in_see_each_count_once() {
    const FILES: u32 = 40;
    let directory = temporary_directory(Medium::Memory);
    let is_done = AtomicBool::new(false);
    let write = |round: u32| {
        for n in 0..FILES {
            let name = format!("counter_{}.db", NOBODY + round * FILES + n);
            // Complete when it gets its name.
            let new = directory.path().join(format!("{name}.new"));
            counter("c", 1.0).write(&new);
            fs::rename(new, directory.path().join(name)).unwrap();
        }
    };
    write(0);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let collectors =
                [true, false].map(|keeps| (keeps, Collector::from_directory(directory.path())));
            let (mut before, mut collections) = (f64::from(FILES), 0);
            while !is_done.load(Ordering::Acquire) {
                for (keeps, collector) in &collectors {
                    let collector = if *keeps {
                        collector.clone()
                    } else {
                        Collector::from_directory(directory.path())
                    };
                    let snapshot = collector.collect().unwrap();
                    let value = snapshot.value("c_total", &[]).unwrap();
                    assert!(value >= before, "{value} after {before}");
                    before = value;
                    collections += 1;
                }
            }
            (before, collections)
        });
        for round in 1..12 {
            assert_eq!(compact(directory.path()).segments(), FILES as usize);
            write(round);
        }
        is_done.store(true, Ordering::Release);
        let (_, collections) = reader.join().unwrap();
        assert!(collections > 4, "{collections}");
    });
    assert!(page(directory.path()).ends_with(&format!("\nc_total {}\n", 12 * FILES)));
}

/// A worker: counts, says what it has counted, and waits.
const WORKER: &str = r#"
import os, sys, time
from prometheus_client import Counter, Gauge, Histogram, values
if len(sys.argv) > 2:
    values.ValueClass = values.MultiProcessValue(lambda: sys.argv[2])
jobs = Counter("jobs", "Jobs.", ["queue"])
size = Histogram("size", "Sizes.")
busy = Gauge("busy", "Busy.", multiprocess_mode="livesum")
busy.set(1)
for n in range(int(sys.argv[1])):
    jobs.labels(f"q{n % 7}").inc(0.5)
    size.observe(n % 11)
print("counted", flush=True)
time.sleep(600)
"#;

fn worker(directory: &Path, command: &mut Command, arguments: &[&str]) -> Child {
    let command = command.args(["-c", WORKER]).args(arguments);
    let child = Child::start(command.env("PROMETHEUS_MULTIPROC_DIR", directory));
    eventually("it has counted", || child.output().contains("counted").then_some(()));
    child
}

fn python(directory: &Path, arguments: &[&str]) -> Child {
    worker(directory, &mut Command::new(peer("python")), arguments)
}

/// The jobs of all queues, the observed values, and the busy workers.
fn totals(directory: &Path) -> (f64, f64, Option<f64>) {
    let snapshot = Collector::from_directory(directory).collect().unwrap();
    let queues = ["q0", "q1", "q2", "q3", "q4", "q5", "q6"];
    let jobs = queues.iter().filter_map(|queue| snapshot.value("jobs_total", &[("queue", queue)]));
    let size = snapshot.value("size_count", &[]).unwrap_or(0.0);
    (jobs.sum(), size, snapshot.value("busy", &[]))
}

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn killed_python_workers_are_taken_in_and_their_totals_are_exact() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let mut workers: Vec<Child> = (0..4).map(|_| python(path, &["700"])).collect();
    assert_eq!(totals(path), (4.0 * 350.0, 2800.0, Some(4.0)));
    assert_eq!(compact(path).segments(), 0, "all live");
    for worker in workers.iter_mut().take(3) {
        worker.signal(Signal::SIGKILL);
        worker.wait();
    }
    // Nobody has told that they are dead: their live gauges are there.
    assert_eq!(totals(path), (4.0 * 350.0, 2800.0, Some(4.0)));
    assert_eq!(compact(path).segments(), 3 * 3);
    assert_eq!(totals(path), (4.0 * 350.0, 2800.0, Some(1.0)));
    assert_eq!(files(path).len(), 3);
    let _more = python(path, &["70"]);
    assert_eq!(totals(path), (4.0 * 350.0 + 35.0, 2870.0, Some(2.0)));
    assert_eq!(compact(path).segments(), 0);
}

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn a_process_that_counts_on_in_a_dead_ones_file_keeps_it() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let name = NOBODY.to_string();
    let mut total = 0.0;
    for round in 0..3 {
        // A process with the number of the one before, as its file sees it.
        let mut worker = python(path, &["700", &name]);
        total += 700.0;
        assert_eq!(totals(path).1, total, "{round}");
        assert_eq!(compact(path).segments(), 0, "it has the file open");
        assert_eq!(totals(path).1, total);
        worker.signal(Signal::SIGKILL);
        worker.wait();
        // The second one opens the file of the first, and the third one makes it anew.
        if round > 0 {
            assert_eq!(compact(path).segments(), 3);
            assert_eq!(totals(path).1, total);
        }
    }
}

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn a_worker_in_another_pid_namespace_keeps_its_files() {
    let kinds = ["--pid", "--fork", "--kill-child"];
    if !are_namespaces_allowed(&kinds) {
        return;
    }
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let python = peer("python");
    // No process here has this number, and there is no process there that can be seen from here.
    let mut command = in_namespaces(&kinds, &[python.to_str().unwrap()]);
    let mut worker = worker(path, &mut command, &["700", &NOBODY.to_string()]);
    assert_eq!(compact(path).segments(), 0);
    assert_eq!(files(path).len(), 3);
    worker.kill();
    eventually("its files are taken in", || (compact(path).segments() == 3).then_some(()));
    assert_eq!(totals(path), (350.0, 700.0, None));
}

#[test]
fn what_an_archive_may_not_have_stays_and_the_rest_is_taken_in() {
    let directory = temporary_directory(Medium::Memory);
    // A counter with these labels, of a process with this number.
    let counted = |pid: u32, name: &str, labels: &str| {
        let key = format!(r#"["{name}", "{name}_total", {{{labels}}}, ""]"#);
        let file = format!("counter_{pid}.db");
        File::today().with(key, 1.0).write(directory.path().join(&file));
        file
    };
    let labels = |numbers: Range<u32>| {
        let labels: Vec<String> = numbers.map(|n| format!(r#""l{n}": "v""#)).collect();
        labels.join(", ")
    };
    let long = counted(NOBODY, "long", &format!(r#""a": "{}""#, "x".repeat(1_025)));
    let many = counted(NOBODY + 1, "many", &labels(0..65));
    let mut histogram = File::today().with(r#"["h", "h_sum", {}, ""]"#, 1.0);
    for le in (0..1_001).map(|le| le.to_string()).chain(["+Inf".to_owned()]) {
        histogram = histogram.with(format!(r#"["h", "h_bucket", {{"le": "{le}"}}, ""]"#), 1.0);
    }
    let histograms = format!("histogram_{NOBODY}.db");
    histogram.write(directory.path().join(&histograms));
    counted(NOBODY + 2, "c", "");
    assert_eq!(compacts(directory.path()), 1);
    let mut stay = files(directory.path());
    stay.sort();
    assert_eq!(stay, [long, many, histograms]);
    // With what is in the archive already it would have too many.
    counted(NOBODY + 3, "d", &labels(0..40));
    assert_eq!(compacts(directory.path()), 1);
    counted(NOBODY + 4, "d", &labels(40..80));
    assert_eq!(compacts(directory.path()), 0);
}
