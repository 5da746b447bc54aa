//! Many processes, one page: every kind and mode in every situation of the table `contract`, by
//! real processes; and the Python client held to the same table.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount::Collector;
use headcount_tests::child::Child;
use headcount_tests::contract::{self, Files, Row};
use headcount_tests::page::{Page, samples};
use headcount_tests::scripted::Scripted;
use headcount_tests::{Medium, eventually, peer, temporary_directory, within};

/// The processes of a row, by their names.
#[derive(Default)]
struct Played {
    /// Those that live.
    living: BTreeMap<String, Scripted>,
    /// All of them, by their pids.
    names: BTreeMap<String, String>,
}

/// Does what a row says, with processes of ours.
fn play(row: &Row, directory: &Path) -> Played {
    let mut played = Played::default();
    for step in row.steps {
        let (name, command) = step.split_once(": ").expect("a process and a command");
        if !played.names.values().any(|known| known == name) {
            let program = if name.chars().all(char::is_uppercase) {
                env!("CARGO_BIN_EXE_scripted_next")
            } else {
                env!("CARGO_BIN_EXE_scripted")
            };
            let scripted = Scripted::start(program, directory);
            played.names.insert(scripted.pid().to_string(), name.to_owned());
            played.living.insert(name.to_owned(), scripted);
        }
        let scripted = played.living.get_mut(name);
        let scripted = scripted.unwrap_or_else(|| panic!("{}: {name} is dead", row.name));
        match command {
            "exit" => scripted.end(),
            "kill" => scripted.kill(),
            command => scripted.tell(command),
        }
        if ["exit", "kill"].contains(&command) {
            played.living.remove(name);
        }
    }
    played
}

/// Whether a sample, as it stands in a page, is of one of these families.
fn is_of(sample: &str, families: &[&str]) -> bool {
    let name = sample.split(['{', ' ']).next().expect("a name");
    families.iter().any(|family| {
        name.strip_prefix(family)
            .is_some_and(|suffix| ["", "_bucket", "_sum", "_count"].contains(&suffix))
    })
}

/// The types of those of these families that a page has.
fn kinds<'a>(text: &'a str, families: &[&str]) -> BTreeSet<&'a str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.filter(|(name, _)| families.contains(name)).map(|(_, kind)| kind).collect()
}

/// With the processes' names in place of their pids.
fn named(text: &str, names: &BTreeMap<String, String>) -> String {
    names.iter().fold(text.to_owned(), |text, (pid, name)| {
        text.replace(&format!("pid=\"{pid}\""), &format!("pid=\"{name}\""))
    })
}

fn assert_ours(row: &Row) {
    let directory = temporary_directory(Medium::Memory);
    let played = play(row, directory.path());
    let dead = played.names.len() - played.living.len();
    let collector = Collector::from_directory(directory.path());
    let processes = |page: &Page| {
        let states =
            ["processes{state=\"live\"}", "processes{state=\"dead\"}", "archived_processes"];
        states.map(|state| page.at(&format!("headcount_{state}")))
    };
    let page = assert_shows(row, &collector, &played.names, "as they were");
    assert_eq!(processes(&page), [few(played.living.len()), few(dead), 0.0], "{}", row.name);

    // Compaction changes where the numbers of the dead are, and none of them.
    assert_eq!(compact(&collector), dead, "{}", row.name);
    let page = assert_shows(row, &collector, &played.names, "compacted");
    assert_eq!(processes(&page), [few(played.living.len()), 0.0, few(dead)], "{}", row.name);
}

/// Compacts all that is dead. In one process one at a time does, and the other tests are in this
/// one.
fn compact(collector: &Collector) -> usize {
    eventually("it is compacted", || collector.compact().ok()).segments()
}

/// Collects, and compares with the row.
fn assert_shows(
    row: &Row,
    collector: &Collector,
    names: &BTreeMap<String, String>,
    state: &str,
) -> Page {
    let snapshot = collector.collect().expect("a snapshot");
    let text = named(&snapshot.to_text(), names);
    let page = Page::parse(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", row.name));
    let shown: BTreeSet<&str> =
        text.lines().filter(|line| !line.starts_with('#') && is_of(line, row.families)).collect();
    let expected: BTreeSet<&str> = row.shows.iter().copied().collect();
    assert_eq!(shown, expected, "{}, {state}", row.name);
    let kinds = kinds(&text, row.families);
    assert!(kinds.into_iter().all(|kind| kind == row.kind), "{}, {state}: {text}", row.name);

    let skipped = snapshot.skipped();
    assert_eq!(skipped.len(), row.conflicts, "{}, {state}: {skipped:?}", row.name);
    for (sample, value) in [
        ("headcount_dropped_operations_total", f64::from(row.dropped)),
        ("headcount_dropped_series", 0.0),
        ("headcount_files_skipped{reason=\"conflict\"}", few(row.conflicts)),
    ] {
        assert_eq!(page.at(sample), value, "{}, {state}: {sample}", row.name);
    }
    page
}

fn few(n: usize) -> f64 {
    f64::from(u32::try_from(n).expect("few"))
}

#[test]
fn counters_of_living_and_dead_are_summed() {
    contract::COUNTERS.iter().for_each(assert_ours);
}

#[test]
fn counters_of_parts_are_summed_exactly() {
    contract::FLOAT_COUNTERS.iter().for_each(assert_ours);
}

#[test]
fn summaries_of_living_and_dead_are_summed() {
    contract::SUMMARIES.iter().for_each(assert_ours);
}

#[test]
fn histograms_of_living_and_dead_are_summed() {
    contract::HISTOGRAMS.iter().for_each(assert_ours);
}

#[test]
fn gauges_make_what_their_modes_say() {
    let rows = [contract::GAUGES, contract::GAUGE_VALUES, contract::LABELLED_GAUGES];
    rows.into_iter().flatten().for_each(assert_ours);
}

#[test]
fn states_and_infos_are_those_of_the_processes() {
    contract::STATES.iter().for_each(assert_ours);
}

#[test]
fn declarations_that_differ_between_versions_are_reported() {
    contract::VERSIONS.iter().for_each(assert_ours);
}

#[test]
fn of_processes_that_died_the_64_newest_are_shown() {
    let directory = temporary_directory(Medium::Memory);
    let collector = Collector::from_directory(directory.path());
    let mut started = Vec::new();
    for number in 0..70 {
        let mut scripted = Scripted::start(env!("CARGO_BIN_EXE_scripted"), directory.path());
        scripted.tell(&format!("gauge {number}"));
        started.push((scripted.pid(), number));
        scripted.kill();
    }
    let mut living = Scripted::start(env!("CARGO_BIN_EXE_scripted"), directory.path());
    living.tell("gauge 70");
    started.push((living.pid(), 70));
    let expected: BTreeMap<String, f64> = started[6..]
        .iter()
        .map(|(pid, number)| (format!("all_gauge{{pid=\"{pid}\"}}"), f64::from(*number)))
        .collect();
    let living = format!("liveall_gauge{{pid=\"{}\"}}", living.pid());
    // The first collection compacts some of them, in passing; then all are compacted.
    for state in ["as they were", "partly compacted", "compacted"] {
        if state == "compacted" {
            compact(&collector);
        }
        let text = collector.collect().expect("a snapshot").to_text();
        let page = Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let shown = page.samples.iter().filter(|(key, _)| is_of(key, &["all_gauge"]));
        let shown: BTreeMap<_, _> = shown.map(|(key, value)| (key.clone(), *value)).collect();
        assert_eq!(shown, expected, "{state}");
        page.assert(&[("sum_gauge", 2485.0), ("min_gauge", 0.0), ("max_gauge", 70.0)]);
        page.assert(&[(&living, 70.0)]);
        assert_eq!(page.series("liveall_gauge"), 1, "{state}");
    }
}

/// Samples as they stand in a page, with their values in one spelling.
fn read(lines: &[&str]) -> BTreeMap<String, String> {
    let mut text = lines.join("\n");
    text.push('\n');
    let samples = samples(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    // As text, in which a NaN equals another.
    samples.into_iter().map(|(series, value)| (series, value.to_string())).collect()
}

/// What the Python client must show of a row, when it reads its files in this order.
fn expected_of_python(row: &Row, order: Files) -> BTreeMap<String, String> {
    let mut expected = read(row.shows);
    let here = |files: Files| files == Files::InAnyOrder || files == order;
    let differences: Vec<_> = row.python.iter().filter(|other| here(other.files)).collect();
    for (series, value) in differences.iter().flat_map(|other| read(other.lacks)) {
        assert_eq!(expected.remove(&series), Some(value), "{}: {series} is not ours", row.name);
    }
    for (series, value) in differences.iter().flat_map(|other| read(other.shows)) {
        assert_eq!(expected.insert(series, value), None, "{}: no difference", row.name);
    }
    expected
}

#[test]
#[ignore = "needs Python's prometheus-client; tests/run provides it"]
fn the_python_client_shows_the_same_but_for_what_the_table_says() {
    let folder = temporary_directory(Medium::Memory);
    let rows: Vec<&Row> = contract::table().collect();
    let scenarios: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let directory = folder.path().join(number.to_string());
            fs::create_dir(&directory).expect("a directory");
            serde_json::json!({ "directory": directory, "steps": row.steps })
        })
        .collect();
    let input = folder.path().join("scenarios.json");
    fs::write(&input, serde_json::Value::from(scenarios).to_string()).expect("written");
    let results = folder.path().join("results.json");
    let mut python = Child::start(
        Command::new(peer("python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripted.py"))
            .args([&input, &results])
            .env("PROMETHEUS_MULTIPROC_DIR", folder.path()),
    );
    let status = within(Duration::from_secs(120), "Python has played all", || python.ended());
    assert!(status.success(), "{status:?}: {}", python.output());
    let played = fs::read_to_string(&results).expect("text");
    let played: serde_json::Value = serde_json::from_str(&played).expect("JSON");
    let played = played.as_array().expect("a list");
    assert_eq!(played.len(), rows.len());

    for (row, played) in rows.into_iter().zip(played) {
        let names: BTreeMap<String, String> = played["pids"]
            .as_object()
            .expect("pids")
            .iter()
            .map(|(name, pid)| (pid.to_string(), name.clone()))
            .collect();
        let shown = |files: &str| {
            let text = named(played[files].as_str().expect("a page"), &names);
            let ours: Vec<&str> = text
                .lines()
                .filter(|line| !line.starts_with('#') && is_of(line, row.families))
                .collect();
            read(&ours)
        };
        let why: Vec<_> = row.python.iter().map(|other| other.why).collect();
        for (files, order) in [("forwards", Files::Forwards), ("backwards", Files::Backwards)] {
            let expected = expected_of_python(row, order);
            assert_eq!(shown(files), expected, "{}, {files}: {why:?}\n{played:#}", row.name);
            let kinds = kinds(played[files].as_str().expect("a page"), row.families);
            // Where declarations conflict, the first file decides there.
            let same = row.conflicts > 0 || kinds.into_iter().all(|kind| kind == row.kind);
            assert!(same, "{}, {files}\n{played:#}", row.name);
        }
        if row.python.iter().all(|other| other.files == Files::InAnyOrder) {
            let expected = expected_of_python(row, Files::InAnyOrder);
            assert_eq!(shown("listed"), expected, "{}, as listed", row.name);
        }
        let raised = played["raised"].as_array().expect("steps");
        let raised: Vec<_> = raised.iter().map(|step| step.as_str().expect("a step")).collect();
        assert_eq!(raised, row.python_raises, "{}", row.name);
    }
}
