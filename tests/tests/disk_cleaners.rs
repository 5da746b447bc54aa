//! Programs that remove what is old, as systemd-tmpfiles does: files that count don't look old to
//! them as long as somebody collects, and a process whose file is gone knows it.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use headcount::{Collector, Config, counted};
use headcount_tests::child::Child;
use headcount_tests::files::{names, segments};
use headcount_tests::{Medium, eventually, temporary_directory};

const DAY: Duration = Duration::from_secs(86_400);

fn remains(arguments: &[&str], directory: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remains"));
    let [action, n] = arguments else { panic!("an action and a number") };
    Child::start(command.arg(action).arg(directory).arg(n))
}

fn count(directory: &Path) {
    let mut child = remains(&["count", "1"], directory);
    assert!(child.wait().success(), "{}", child.output());
}

/// Gives all files times that lie so far back, and the present ones their names.
fn age(directory: &Path, by: Duration) -> SystemTime {
    let then = SystemTime::now() - by;
    for name in names(directory) {
        let file = File::options().write(true).open(directory.join(name)).expect("ours");
        file.set_times(FileTimes::new().set_accessed(then).set_modified(then)).expect("ours");
    }
    then
}

/// Since when each file has not changed.
fn ages(directory: &Path) -> Vec<(String, Duration)> {
    let age = |name: &String| {
        let changed = fs::metadata(directory.join(name)).and_then(|m| m.modified());
        SystemTime::now().duration_since(changed.expect("a time")).unwrap_or_default()
    };
    names(directory).into_iter().map(|name| (name.clone(), age(&name))).collect()
}

fn is_of_use(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "hc" || end == "hca")
}

#[test]
fn a_collection_keeps_all_files_that_count_young() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    count(directory);
    Collector::from_directory(directory).compact().expect("ours");
    count(directory);
    let living = remains(&["hold", "1"], directory);
    eventually("it has counted", || living.output().contains("ready").then_some(()));
    fs::write(directory.join("notes.txt"), "not ours").expect("written");

    age(directory, 20 * DAY);
    let collector = Collector::from_directory(directory).auto_compact(false);
    let first = collector.collect().expect("a snapshot").to_text();
    let seen = ages(directory);
    assert_eq!(seen.iter().filter(|(name, _)| is_of_use(name)).count(), 3, "{seen:?}");
    for (name, age) in seen {
        assert_eq!(age < DAY, is_of_use(&name), "{name}: {age:?}");
    }
    assert!(first.contains("\nmade_total "), "{first}");

    // Now and then, and not each time.
    let then = age(directory, Duration::from_secs(600));
    collector.collect().expect("a snapshot");
    for name in names(directory) {
        let changed = fs::metadata(directory.join(&name)).and_then(|m| m.modified());
        assert_eq!(changed.expect("a time"), then, "{name}");
    }
}

#[counted]
fn work() {}

#[test]
fn a_process_whose_file_was_removed_knows_it() {
    let folder = temporary_directory(Medium::Memory);
    headcount::init(Config::new().directory(folder.path())).expect("fit");
    work();
    // Its own collections keep it young too.
    age(folder.path(), 20 * DAY);
    Collector::new().collect().expect("a snapshot");
    assert!(ages(folder.path()).iter().all(|(_, age)| *age < DAY), "{:?}", ages(folder.path()));
    assert!(headcount::health().problem().is_none(), "{:?}", headcount::health());
    let [segment] = &segments(folder.path())[..] else { panic!("one segment") };
    fs::remove_file(folder.path().join(segment)).expect("ours");
    let health = headcount::health();
    assert!(!health.is_shared());
    let problem = health.problem().expect("a problem");
    assert!(problem.to_string().contains("removed this process's file"), "{problem}");
    assert_eq!(problem.path(), Some(folder.path()));
    // It counts on, for itself.
    work();
    let page = Collector::new().collect().expect("a snapshot").to_text();
    assert!(page.contains("function=\"work\"") && page.contains("} 2\n"), "{page}");
}
