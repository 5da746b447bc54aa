//! `in_progress(oldest)`: when the oldest call in flight began, over all living processes.

use std::collections::BTreeMap;
use std::path::Path;

use headcount::{Collector, Series, Value};
use headcount_tests::obedient::Obedient;
use headcount_tests::random::Random;
use headcount_tests::{Medium, eventually, temporary_directory};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const ALL: &str = "function_calls_concurrent_oldest_start_timestamp_seconds";
const JOBS: &str = "jobs_running_oldest_start_timestamp_seconds";
const DIVES: &str = "dives_oldest_start_timestamp_seconds";
/// The places that a process has for the calls of one series.
const PLACES: usize = 16;

fn start(directory: &Path) -> Obedient {
    Obedient::start(env!("CARGO_BIN_EXE_in_flight"), directory)
}

fn series(directory: &Path, family: &str) -> Vec<Series> {
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    snapshot.families().iter().find(|found| found.name == family).expect("declared").series.clone()
}

/// The only value of the family, in milliseconds; `None` if it has no series.
fn oldest(directory: &Path, family: &str) -> Option<f64> {
    match &series(directory, family)[..] {
        [] => None,
        [Series { value: Value::Gauge(seconds), .. }] => Some(seconds * 1e3),
        other => panic!("{other:?}"),
    }
}

/// A time that was read before an action, and after it at the latest.
#[derive(Debug, Clone, Copy)]
struct Between(f64, f64);

impl Between {
    /// Whether the time, which is known to a millisecond, can be that of the action. The system's
    /// clock and the kernel's monotonic one may drift apart by some milliseconds.
    fn contains(self, time: f64) -> bool {
        self.0 - 50.0 <= time && time <= self.1 + 50.0
    }
}

/// Does something, and returns when that was, in milliseconds since 1970.
fn timed(process: &mut Obedient, command: &str) -> Between {
    let before = process.tell(command).parse().unwrap_or_else(|_| panic!("{command}"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Between(before, now.expect("after 1970").as_secs_f64() * 1e3)
}

#[test]
fn it_is_the_first_beginning_of_all_living_processes_stopped_ones_included() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let (mut a, mut b) = (start(directory), start(directory));
    a.tell("fork");
    assert_eq!(oldest(directory, ALL), None);
    let first = timed(&mut a, "stay first");
    let begun = oldest(directory, ALL).expect("it is in flight");
    assert!(first.contains(begun), "{first:?}, {begun}");
    let second = timed(&mut b, "stay second");
    timed(&mut a, "stay third");
    assert_eq!(oldest(directory, ALL), Some(begun));
    // A process that hangs in a debugger, or was stopped, is alive.
    let pid = Pid::from_raw(i32::try_from(a.pid()).expect("a pid"));
    kill(pid, Signal::SIGSTOP).expect("ours");
    assert_eq!(oldest(directory, ALL), Some(begun));
    kill(pid, Signal::SIGCONT).expect("ours");
    // A call ends by returning, and by a panic.
    a.tell("end first");
    let next = oldest(directory, ALL).expect("the other is in flight");
    assert!(second.contains(next) && next >= begun, "{second:?}, {next}");
    b.tell("panic second");
    let last = oldest(directory, ALL).expect("the third is in flight");
    assert!(last >= next, "{next}, {last}");
    // Calls of the dead are not in flight; neither are they once the dead are compacted.
    drop(a);
    eventually("it is dead", || oldest(directory, ALL).is_none().then_some(()));
    Collector::from_directory(directory).compact().expect("ours");
    assert_eq!(oldest(directory, ALL), None);
    let [kept] = &series(directory, "function_calls_concurrent")[..] else { panic!() };
    assert_eq!(kept.value, Value::Gauge(0.0));
    drop(b);
}

#[test]
fn a_job_ends_in_any_thread_or_is_dropped_and_a_child_has_none_of_its_parents() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    let first = timed(&mut process, "job a mail");
    process.tell("job b mail");
    // A condition that is false: not in flight as far as anybody is told.
    process.tell("job c none");
    process.tell("fork");
    let begun = oldest(directory, JOBS).expect("it is in flight");
    assert!(first.contains(begun), "{first:?}, {begun}");
    process.tell("end a");
    assert!(oldest(directory, JOBS).is_some_and(|next| next >= begun));
    process.tell("cancel b");
    process.tell("end c");
    assert_eq!(oldest(directory, JOBS), None);
    // Each series has its own.
    process.tell("job d mail");
    process.tell("job e print");
    let labels: Vec<String> = series(directory, JOBS)
        .iter()
        .map(|series| series.labels.get("queue").expect("a label").to_owned())
        .collect();
    assert_eq!(labels, ["mail", "print"]);
    // What ends after its row was removed empties no place of the row that has its name by then.
    process.tell("remove");
    let again = timed(&mut process, "job f mail");
    process.tell("end d");
    let begun = oldest(directory, JOBS).expect("it is in flight");
    assert!(again.contains(begun), "{again:?}, {begun}");
    process.tell("end f");
    assert_eq!(oldest(directory, JOBS), None);
}

#[test]
fn the_outermost_of_many_nested_calls_is_the_oldest() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    let first = timed(&mut process, "dive a 1000");
    let begun = oldest(directory, DIVES).expect("it is in flight");
    assert!(first.contains(begun), "{first:?}, {begun}");
    process.tell("end a");
    assert_eq!(oldest(directory, DIVES), None);
}

#[test]
fn of_sixteen_calls_it_is_exact_and_of_more_it_is_never_late() {
    let mut random = Random::seeded();
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    let mut calls: BTreeMap<u32, Between> = BTreeMap::new();
    let mut most = PLACES;
    let mut has_been_exact = false;
    for number in 0..600 {
        // At first no more than there are places; then many more; and in the end few again.
        let wanted = if (200..400).contains(&number) { 100 } else { PLACES };
        let grows = calls.len() < wanted && (calls.is_empty() || random.below(5) < 3);
        if grows {
            calls.insert(number, timed(&mut process, &format!("job {number} q")));
        } else {
            let names: Vec<u32> = calls.keys().copied().collect();
            let name = random.pick(&names);
            let how = random.pick(&["end", "cancel"]);
            process.tell(&format!("{how} {name}"));
            calls.remove(name);
        }
        if calls.is_empty() {
            most = PLACES;
        }
        most = most.max(calls.len());
        let shown = oldest(directory, JOBS);
        let Some((_, true_one)) = calls.first_key_value() else {
            assert_eq!(shown, None, "no call is in flight");
            continue;
        };
        let shown = shown.unwrap_or_else(|| panic!("{} calls are in flight", calls.len()));
        assert!(shown <= true_one.1 + 50.0, "{shown} is later than {true_one:?}");
        if most == PLACES {
            assert!(true_one.contains(shown), "{number}: {shown} is not {true_one:?}");
            has_been_exact = true;
        }
    }
    assert!(has_been_exact);
    for name in calls.keys() {
        process.tell(&format!("end {name}"));
    }
    assert_eq!(oldest(directory, JOBS), None, "no place is kept by a call that has ended");
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    assert!(snapshot.to_text().contains("headcount_dropped_operations_total 0\n"));
}
