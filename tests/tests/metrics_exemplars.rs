//! Exemplars: the newest of all processes, whoever lives, forks, is killed or is compacted; given
//! by the program or kept by themselves; and as a page shows them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount::{Collector, Format, Server};
use headcount_tests::exemplars::{context, exemplars, number, numbers, value};
use headcount_tests::obedient::Obedient;
use headcount_tests::prometheus::{Store, versions};
use headcount_tests::random::Random;
use headcount_tests::{Medium, eventually, temporary_directory};

fn start(directory: &Path) -> Obedient {
    Obedient::start(env!("CARGO_BIN_EXE_exemplary"), directory)
}

fn page(directory: &Path, format: Format) -> String {
    let mut page = Vec::new();
    let snapshot = Collector::from_directory(directory).collect().expect("a snapshot");
    snapshot.encode(format, &mut page).expect("a page");
    String::from_utf8_lossy(&page).into_owned()
}

/// The bucket of a value among the bounds 1, 2 and 5.
fn bucket(value: f64) -> usize {
    [1.0, 2.0, 5.0].iter().filter(|bound| **bound < value).count()
}

/// The last number of each bucket.
fn last(numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut last = [None; 4];
    numbers.for_each(|n| last[bucket(value(n))] = Some(n));
    last.into_iter().flatten().collect()
}

fn compact_all(directory: &Path) {
    eventually("all are compacted", || {
        Collector::from_directory(directory).compact().expect("ours");
        headcount_tests::files::segments(directory).is_empty().then_some(())
    });
}

#[test]
fn the_newest_of_all_processes_is_shown_whatever_becomes_of_them() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let (mut a, mut b) = (start(directory), start(directory));
    a.tell("record 0 700");
    assert_eq!(numbers(directory, "jobs_total", &[]), [699]);
    assert_eq!(numbers(directory, "energy_joules_total", &[]), [699]);
    assert_eq!(numbers(directory, "sizes", &[]), last(0..700));
    b.tell("record 1000 1020");
    // The values of the latter are all in the first bucket.
    let all = last((0..700).chain(1000..1020));
    assert_eq!(all.len(), 4);
    assert_eq!(numbers(directory, "sizes", &[]), all);
    // A child's places are its own, and empty at first.
    a.tell("fork 2500 2510");
    let all = last((0..700).chain(1000..1020).chain(2500..2510));
    assert_eq!(numbers(directory, "sizes", &[]), all);
    assert_eq!(numbers(directory, "jobs_total", &[]), [2509]);
    b.tell("record 3000 3001");
    assert_eq!(numbers(directory, "jobs_total", &[]), [3000]);
    // A native histogram has one for each of its classic buckets: 0.25, 1, 4, 16 and less.
    let native = exemplars(directory, "native_sizes", &[]);
    assert!(native.len() > 4, "{native:?}");
    assert!(native.iter().all(|one| number(one).is_some()), "{native:?}");
    assert!(native.is_sorted_by(|a, b| a.value < b.value), "{native:?}");
    // Those of the dead stay, compacted or not.
    let before = numbers(directory, "sizes", &[]);
    drop(b);
    assert_eq!(numbers(directory, "sizes", &[]), before);
    drop(a);
    compact_all(directory);
    assert_eq!(numbers(directory, "sizes", &[]), before);
    assert_eq!(numbers(directory, "jobs_total", &[]), [3000]);
    assert_eq!(exemplars(directory, "native_sizes", &[]), native);
    // A newer one of the living comes before the archive's, and an older one of others behind it.
    let mut c = start(directory);
    c.tell("record 4000 4001");
    assert_eq!(numbers(directory, "jobs_total", &[]), [4000]);
    drop(c);
    compact_all(directory);
    assert_eq!(numbers(directory, "jobs_total", &[]), [4000]);
}

#[test]
fn pages_that_may_have_exemplars_show_them_and_text_does_not() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    process.tell("record 150 151");
    let text = page(directory, Format::OpenMetrics);
    let ids = context(150).to_string();
    let (trace, span) = ids.split_once('-').expect("two");
    let labels = format!("# {{trace_id=\"{trace}\",span_id=\"{span}\"}}");
    let line = |start: &str| {
        let mut found = text.lines().filter(|line| line.starts_with(start));
        let line = found.next().unwrap_or_else(|| panic!("no {start} in {text}"));
        line.to_owned()
    };
    assert!(line("jobs_total 1").starts_with(&format!("jobs_total 1 {labels} 1.0 ")));
    let bucket = line("sizes_bucket{le=\"2.0\"}");
    assert!(bucket.starts_with(&format!("sizes_bucket{{le=\"2.0\"}} 1 {labels} 1.5 ")), "{bucket}");
    let time = bucket.rsplit_once(' ').expect("a time").1.parse::<f64>().expect("seconds");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("later");
    assert!((now.as_secs_f64() - time).abs() < 600.0, "{time}");
    assert_eq!(line("sizes_bucket{le=\"5.0\"}"), "sizes_bucket{le=\"5.0\"} 1");
    assert!(line("native_sizes_bucket{le=\"4.0\"}").contains(&labels));
    assert!(!page(directory, Format::Text).contains("trace_id"));
    let json: serde_json::Value =
        serde_json::from_str(&page(directory, Format::Json)).expect("JSON");
    let families = json["families"].as_array().expect("families");
    let jobs = families.iter().find(|family| family["name"] == "jobs_total").expect("it is there");
    assert_eq!(jobs["series"][0]["exemplars"][0]["trace_id"], trace);
    assert_eq!(jobs["series"][0]["exemplars"][0]["value"], 1);
}

#[test]
fn what_is_no_exemplar_is_counted_all_the_same() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    process.tell("invalid");
    assert!(exemplars(directory, "jobs_total", &[]).is_empty());
    assert!(exemplars(directory, "sizes", &[]).is_empty());
    let text = page(directory, Format::Text);
    assert!(text.contains("jobs_total 1\n") && text.contains("sizes_count 1\n"), "{text}");
    // NaN, and less than nothing.
    assert!(text.contains("headcount_dropped_operations_total 2\n"), "{text}");
}

#[test]
fn threads_that_write_at_once_leave_whole_exemplars() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    let rounds = if headcount_tests::is_long() { 50 } else { 5 };
    for round in 0..rounds {
        process.tell(&format!("threads {} 3000", round * 12_000));
        assert_eq!(numbers(directory, "sizes", &[]).len(), 4);
        assert_eq!(numbers(directory, "jobs_total", &[]).len(), 1);
    }
    let text = page(directory, Format::Text);
    assert!(text.contains(&format!("jobs_total {}\n", rounds * 12_000)), "{text}");
}

#[test]
fn places_go_with_their_series_and_others_get_their_cells() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    process.tell("queue stays 150");
    for round in 0..2_500 {
        process.tell(&format!("queue guest{round} {}", 200 + round));
        assert_eq!(process.tell(&format!("remove guest{round}")), "true");
    }
    assert_eq!(numbers(directory, "queue_sizes", &["stays"]), [150]);
    process.tell("queue comes 90");
    // Neither a removed series' exemplars nor its place in a table is left to another one.
    assert_eq!(numbers(directory, "queue_sizes", &["comes"]), [90]);
    assert!(exemplars(directory, "queue_sizes", &["guest7"]).is_empty());
    process.tell("queue comes 450");
    assert_eq!(numbers(directory, "queue_sizes", &["comes"]), [90, 450]);
    process.tell("fork 7 8");
    assert_eq!(numbers(directory, "jobs_total", &[]), [7]);
}

#[test]
fn without_room_for_exemplars_everything_is_counted_and_it_is_told() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut command = Command::new(env!("CARGO_BIN_EXE_exemplary"));
    let mut process = Obedient::start_as_is(command.arg("obey").arg(directory).arg("tiny"));
    process.tell("many 7");
    assert!(exemplars(directory, "many_buckets", &[]).is_empty());
    assert!(page(directory, Format::Text).contains("many_buckets_count 1\n"));
    let problem = process.tell("health");
    assert!(problem.contains("exemplars"), "{problem}");
    // What fits is kept.
    eventually("it asks again", || {
        process.tell("record 5 6");
        (numbers(directory, "sizes", &[]) == [5]).then_some(())
    });
}

#[test]
fn a_source_of_traces_is_asked_where_an_exemplar_is_due() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    // Without a source, and then without a trace, nothing is kept.
    process.tell("own 150 a");
    process.tell("source");
    process.tell("own 150 a");
    assert!(exemplars(directory, "own_sizes", &[]).is_empty());
    assert!(process.tell("asked").parse::<u64>().expect("a number") >= 4);
    process.tell("trace 150");
    process.tell("own 150 a");
    assert_eq!(numbers(directory, "own_jobs_total", &[]), [150]);
    assert_eq!(numbers(directory, "own_sizes", &[]), [150]);
    assert_eq!(numbers(directory, "own_native_sizes", &[]), [150]);
    assert_eq!(numbers(directory, "own_rows_total", &["a"]), [150]);
    // A second has not passed, or just now: the source is not asked for each event.
    let asked = process.tell("asked").parse::<u64>().expect("a number");
    process.tell("own-jobs 100000");
    let more = process.tell("asked").parse::<u64>().expect("a number") - asked;
    assert!(more <= 10, "{more}");
    process.tell("trace 151");
    eventually("another is due", || {
        process.tell("own 151 a");
        (numbers(directory, "own_sizes", &[]) == [151]).then_some(())
    });
    // A child has the source, and places of its own.
    process.tell("no-trace");
    assert!(process.tell("get").ends_with(|c: char| c.is_ascii_digit()));
}

#[test]
fn a_source_that_panics_costs_the_exemplar_and_nothing_else() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    process.tell("source");
    process.tell("trace 150");
    process.tell("panics true");
    process.tell("own 150 a");
    assert!(exemplars(directory, "own_sizes", &[]).is_empty());
    assert_eq!(process.tell("get"), "1 1");
    process.tell("panics false");
    process.tell("own 150 a");
    assert_eq!(numbers(directory, "own_sizes", &[]), [150]);
}

#[test]
fn functions_and_metrics_that_are_declared_at_run_time_keep_exemplars_too() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    process.tell("source");
    process.tell("trace 150");
    process.tell("functions");
    let is_it = |family: &str, labels: &[&str]| {
        let found = exemplars(directory, family, labels);
        let [one] = &found[..] else { panic!("{family} {labels:?}: {found:?}") };
        assert_eq!(one.context, context(150), "{family}");
        one.value
    };
    let module = "exemplary";
    for outcome in ["ok", "error"] {
        assert_eq!(is_it("function_calls_total", &["shared", module, outcome]).to_string(), "1");
    }
    assert_eq!(is_it("function_calls_total", &["lone", module]).to_string(), "1");
    assert_eq!(is_it("function_exceptions_total", &["shared", module]).to_string(), "1");
    assert!(is_it("function_calls_duration_seconds", &["shared", module]) < 60.0);
    assert_eq!(is_it("named_total", &[]).to_string(), "1");
    assert!(is_it("named_seconds", &["ok"]) < 60.0);
    assert!(exemplars(directory, "named_seconds", &["error"]).is_empty());
    assert!(is_it("native_seconds", &[]) < 60.0);
    process.tell("late 150");
    assert_eq!(is_it("late_jobs_total", &[]).to_string(), "1");
    assert_eq!(is_it("late_sizes", &["own"]).to_string(), "1.5");
    assert_eq!(is_it("late_sizes", &["given"]).to_string(), "1.5");
    // A row that keeps exemplars by itself is removed and comes back as any other.
    process.tell("own 150 a");
    assert_eq!(process.tell("remove-own a"), "true");
    assert!(exemplars(directory, "own_rows_total", &["a"]).is_empty());
    process.tell("own 150 a");
    assert_eq!(numbers(directory, "own_rows_total", &["a"]), [150]);
}

#[test]
fn a_total_that_is_raised_counts_where_exemplars_are_kept() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut process = start(directory);
    // Something in the thread's own shard, beside which the total counts.
    process.tell("own-jobs 3");
    process.tell("raise 512");
    process.tell("raise 100");
    let text = page(directory, Format::Text);
    for line in ["own_jobs_total", "own_rows_total{name=\"raised\"}", "late_raised_total"] {
        assert!(text.contains(&format!("{line} 512\n")), "{line}: {text}");
    }
    assert_eq!(process.tell("dropped"), "0");
}

/// The exemplars of all rows that a removed one may be taken for.
fn of_passing(directory: &Path, name: &str) -> Vec<headcount::Exemplar> {
    let mut all = exemplars(directory, "own_passing_sizes", &[name]);
    for outcome in ["ok", "error", "panic", "cancelled"] {
        all.extend(exemplars(directory, "own_passing_total", &[name, outcome]));
    }
    all
}

/// In another thread each: the rows of which families come first and second in the same cells. A
/// histogram has three places for exemplars in four cells, and a row of calls one place for each of
/// its four series.
fn for_each_pair(test: impl Fn(&mut Obedient, &Path, &str, &str) + Sync) {
    std::thread::scope(|scope| {
        for [first, second] in [["sizes", "calls"], ["calls", "sizes"], ["sizes", "sizes"]] {
            let test = &test;
            scope.spawn(move || {
                let folder = temporary_directory(Medium::Memory);
                let mut process = start(folder.path());
                process.tell("zeroth");
                process.tell("source");
                process.tell("trace 150");
                test(&mut process, folder.path(), first, second);
                assert_eq!(process.tell("health"), "", "{first}, {second}");
            });
        }
    });
}

#[test]
fn the_exemplar_of_a_row_that_was_removed_meanwhile_is_shown_nowhere() {
    for_each_pair(|process, directory, first, second| {
        process.tell("meanwhile remove");
        process.tell(&format!("{first} first 150"));
        process.tell("no-trace");
        // The cells now belong to another row, whose series have other places.
        process.tell(&format!("use-again {second}"));
        assert_eq!(of_passing(directory, "second"), [], "{first}, {second}");
        // That has exemplars of its own, and nothing but these.
        process.tell("trace 250");
        eventually("another is due", || {
            for n in [50, 150, 250] {
                process.tell(&format!("{second} second {n}"));
            }
            let found = of_passing(directory, "second");
            assert!(found.iter().all(|one| one.context == context(250)), "{found:?}");
            (found.len() == if second == "sizes" { 3 } else { 2 }).then_some(())
        });
    });
}

#[test]
fn a_source_that_takes_longer_than_cells_rest_costs_the_exemplar() {
    for_each_pair(|process, directory, first, second| {
        process.tell(&format!("meanwhile {second}"));
        process.tell(&format!("{first} first 150"));
        assert_eq!(of_passing(directory, "second"), [], "{first}, {second}");
    });
}

#[test]
fn whoever_is_killed_while_it_writes_leaves_whole_exemplars() {
    let mut random = Random::seeded();
    let folder = temporary_directory(Medium::Memory);
    let kills = if headcount_tests::is_long() { 400 } else { 25 };
    let mut read = 0;
    for round in 0..kills {
        let directory = folder.path().join(round.to_string());
        std::fs::create_dir(&directory).expect("made");
        let mut process = start(&directory);
        process.tell("record 0 700");
        assert_eq!(process.tell("flood"), "flooding");
        let end = std::time::Instant::now() + Duration::from_micros(random.below(20_000));
        while std::time::Instant::now() < end {
            // Each of them is one that somebody recorded.
            read += numbers(&directory, "sizes", &[]).len();
            read += numbers(&directory, "jobs_total", &[]).len();
        }
        drop(process);
        // None of the places is unusable.
        assert_eq!(numbers(&directory, "sizes", &[]).len(), 4, "round {round}");
        assert_eq!(numbers(&directory, "jobs_total", &[]).len(), 1, "round {round}");
        let native = numbers(&directory, "native_sizes", &[]);
        assert!(native.len() >= 4, "round {round}: {native:?}");
        compact_all(&directory);
        assert_eq!(numbers(&directory, "native_sizes", &[]), native);
        std::fs::remove_dir_all(&directory).expect("ours");
    }
    assert!(read > kills, "{read}");
}

#[test]
#[ignore = "needs prometheus: run tests/run"]
fn prometheus_returns_the_traces_that_were_set() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let (mut a, mut b) = (start(directory), start(directory));
    a.tell("record 0 700");
    b.tell("record 1000 1001");
    let server = Server::new("127.0.0.1:0").collector(Collector::from_directory(directory));
    let serving = server.start().expect("it serves");
    let address = serving.addresses()[0].clone();
    let configuration = format!(
        "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms }}\n\
         scrape_configs: [ {{ job_name: all, static_configs: [ {{ targets: ['{address}'] }} ] }} ]\n"
    );
    let trace = |n: u64| context(n).to_string().split_once('-').expect("two").0.to_owned();
    let expected = |name: &str| -> BTreeSet<String> {
        numbers(directory, name, &[]).into_iter().map(trace).collect()
    };
    // By OpenMetrics, and by protobuf.
    for features in ["exemplar-storage", "exemplar-storage,native-histograms"] {
        for (program, version) in versions() {
            let files = [("prometheus.yml", configuration.clone())];
            let store = Store::of(&program, &files, &[&format!("--enable-feature={features}")]);
            let has = |query: &str, name: &str, is_enough: &dyn Fn(&BTreeSet<String>) -> bool| {
                eventually(&format!("Prometheus {version} has the exemplars of {name}"), || {
                    let found: BTreeSet<String> = store.traces(query)?.into_iter().collect();
                    is_enough(&found).then_some(())
                });
            };
            let all = |name: &'static str| move |found: &BTreeSet<String>| *found == expected(name);
            has("jobs_total", "jobs_total", &all("jobs_total"));
            has("sizes_bucket", "sizes", &all("sizes"));
            if features.contains("native") {
                // 2.42 takes the exemplar of one bucket.
                let some = |found: &BTreeSet<String>| {
                    !found.is_empty() && found.is_subset(&expected("native_sizes"))
                };
                let is_enough: &dyn Fn(&_) -> bool =
                    if version < 3 { &some } else { &all("native_sizes") };
                has("native_sizes", "native_sizes", is_enough);
            }
        }
    }
    serving.stop();
}
