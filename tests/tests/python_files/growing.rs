//! Files that change while and between collections.
#![expect(unsafe_code, reason = "maps files, as their writers do")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use headcount::Collector;
use headcount_tests::child::{Child, in_child};
use headcount_tests::{Medium, SOON, peer, temporary_directory, within};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::files::{File, Layout, counter, key};

fn text(collector: &Collector) -> String {
    let snapshot = collector.collect().unwrap();
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    snapshot.to_text()
}

#[track_caller]
fn has(collector: &Collector, line: &str) {
    let text = text(collector);
    assert!(text.lines().any(|known| known == line), "{line} is missing:\n{text}");
}

#[test]
fn a_file_that_grows_and_changes_is_read_as_it_is_now() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path().join("counter_1.db");
    let collector = Collector::from_directory(directory.path());
    counter("a", 1.0).write(&path);
    has(&collector, "a_total 1");
    // In place, as a mapping is written to.
    let change = |file: &File| {
        fs::File::options().write(true).open(&path).unwrap().write_all(&file.bytes).unwrap();
    };
    change(&counter("a", 2.0));
    has(&collector, "a_total 2");
    let more = |n: u32| {
        let mut file = counter("a", 3.0);
        for entry in 0..n {
            file =
                file.with(format!(r#"["b", "b_total", {{"n": "{entry}"}}, ""]"#), f64::from(entry));
        }
        file
    };
    for n in [1, 2, 50, 900] {
        change(&more(n));
        has(&collector, "a_total 3");
        let last = n - 1;
        has(&collector, &format!("b_total{{n=\"{last}\"}} {last}"));
    }
}

#[test]
fn another_file_of_the_same_name_is_another_file() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path().join("counter_1.db");
    let collector = Collector::from_directory(directory.path());
    for round in 0..20 {
        // The same length each time, other keys, and likely the same inode.
        let (one, other) = if round % 2 == 0 { ("a", "b") } else { ("b", "a") };
        counter(one, 1.0).with(key(other, &format!("{other}_total")), 2.0).write(&path);
        has(&collector, &format!("{one}_total 1"));
        has(&collector, &format!("{other}_total 2"));
        fs::remove_file(&path).unwrap();
        File::new(Layout::Value).with(key(other, &format!("{other}_total")), 5.0).write(&path);
        has(&collector, &format!("{other}_total 5"));
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_file_that_shrinks_is_told_and_comes_back() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path().join("counter_1.db");
    let collector = Collector::from_directory(directory.path());
    let long = counter("a", 1.0).with(key("b", "b_total"), 2.0);
    long.write(&path);
    has(&collector, "b_total 2");
    fs::File::options().write(true).open(&path).unwrap().set_len(40).unwrap();
    let snapshot = collector.collect().unwrap();
    assert_eq!(snapshot.skipped()[0].reason(), "corrupt");
    // A shorter one in the same inode.
    fs::write(&path, counter("c", 3.0).bytes).unwrap();
    has(&collector, "c_total 3");
    fs::write(&path, long.bytes).unwrap();
    has(&collector, "b_total 2");
}

/// Two processes of Python's that add series all the time, and a counter that they never decrease.
const WRITER: &str = r#"
import os, sys, time
from prometheus_client import Counter, Gauge
steps = Counter("steps", "Steps.")
series = Counter("series", "Series.", ["n"])
last = Gauge("last", "The last one.", multiprocess_mode="livemostrecent")
for n in range(int(sys.argv[1])):
    series.labels(f"{os.getpid()}.{n}").inc()
    last.set(n)
    steps.inc()
print("done", flush=True)
time.sleep(600)
"#;

#[test]
#[ignore = "needs prometheus_client, which tests/run prepares"]
fn collections_of_files_that_python_is_extending_skip_nothing_and_never_go_back() {
    const SERIES: u32 = 20_000;
    let directory = temporary_directory(Medium::Memory);
    let start = |path: &Path| {
        let mut command = Command::new(peer("python"));
        command.args(["-c", WRITER, &SERIES.to_string()]);
        Child::start(command.env("PROMETHEUS_MULTIPROC_DIR", path))
    };
    let writers = [start(directory.path()), start(directory.path())];
    let kept = Collector::from_directory(directory.path());
    let (mut before, mut collections) = (0.0, 0);
    within(SOON, "both have written all", || {
        for collector in [&kept, &Collector::from_directory(directory.path())] {
            let snapshot = collector.clone().names(["steps", "series"]).collect().unwrap();
            let skipped = snapshot.skipped();
            // Of a file that Python has created and not yet made long.
            assert!(skipped.iter().all(|e| e.to_string().contains("shorter")), "{skipped:?}");
            let text = snapshot.to_text();
            let steps = text.lines().find_map(|line| line.strip_prefix("steps_total "));
            let steps: f64 = steps.map_or(0.0, |steps| steps.parse().unwrap());
            let series = text.lines().filter(|line| line.starts_with("series_total{")).count();
            assert!(steps >= before, "{steps} after {before}");
            // A series comes before its step; and one file is read at one moment.
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let series = series as f64;
            assert!(series >= steps, "{series} series at {steps} steps");
            before = steps;
            collections += 1;
        }
        writers.iter().all(|writer| writer.output().contains("done")).then_some(())
    });
    assert!(collections > 4, "{collections} collections");
    let text = text(&kept);
    assert!(text.contains(&format!("\nsteps_total {}\n", 2 * SERIES)));
    assert!(text.contains(&format!("\nlast {}\n", SERIES - 1)));
}

/// How many files of the directory are opened while this runs.
fn opened(directory: &Path, what: impl FnOnce()) -> usize {
    let queue = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
    queue.add_watch(directory, AddWatchFlags::IN_OPEN).unwrap();
    what();
    let mut files = 0;
    while let Ok(events) = queue.read_events() {
        files += events.iter().filter(|event| event.name.is_some()).count();
    }
    files
}

#[test]
fn of_many_files_those_that_nobody_has_opened_since_are_not_read_again() {
    const FILES: usize = 200;
    let directory = temporary_directory(Medium::Memory);
    let path = |pid: usize| directory.path().join(format!("counter_{pid}.db"));
    for pid in 0..FILES {
        counter("a", 1.0).write(path(pid));
    }
    let collector = Collector::from_directory(directory.path());
    let total = |expected: usize| has(&collector, &format!("a_total {expected}"));
    // The third collection of the files as they are opens none of them.
    for expected in [FILES, FILES, 0] {
        assert_eq!(opened(directory.path(), || total(FILES)), expected);
    }
    // One that somebody has mapped is read each time, and its stores change no time of the file.
    let at = counter("a", 1.0).bytes.len() - 16;
    let file = fs::File::options().read(true).append(true).open(path(7)).unwrap();
    // SAFETY: nobody truncates the file.
    let mut mapping = unsafe { memmap2::MmapMut::map_mut(&file) }.unwrap();
    for value in [2_u8, 3, 4] {
        mapping[at..at + 8].copy_from_slice(&f64::from(value).to_le_bytes());
        let expected = FILES - 1 + usize::from(value);
        assert_eq!(opened(directory.path(), || total(expected)), 1);
    }
    mapping[at..at + 8].copy_from_slice(&5_f64.to_le_bytes());
    drop((mapping, file));
    assert_eq!(opened(directory.path(), || total(FILES + 4)), 1);
    assert_eq!(opened(directory.path(), || total(FILES + 4)), 0);
    // Opened, changed and closed between two collections.
    let file = fs::File::options().read(true).append(true).open(path(8)).unwrap();
    // SAFETY: nobody truncates the file.
    let mut mapping = unsafe { memmap2::MmapMut::map_mut(&file) }.unwrap();
    mapping[at..at + 8].copy_from_slice(&9_f64.to_le_bytes());
    drop((mapping, file));
    total(FILES + 12);
    // Removed, made anew, renamed.
    fs::remove_file(path(9)).unwrap();
    total(FILES + 11);
    counter("a", 3.0).write(path(9));
    fs::rename(path(10), path(FILES)).unwrap();
    total(FILES + 14);
    total(FILES + 14);
    assert_eq!(opened(directory.path(), || total(FILES + 14)), 0);
    // A forked child has the same queue, and must not take its parent's news.
    counter("a", 2.0).write(path(11));
    in_child(|| total(FILES + 15));
    total(FILES + 15);
}
