//! Programs whose crates are instrumented with another facade count over many processes.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use std::process::Command;
use std::time::{Duration, Instant};

use headcount::{Collector, Snapshot};
use headcount_tests::child::{Child, reported};
use headcount_tests::page::Page;
use headcount_tests::{Medium, eventually, temporary_directory, within};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use tokio_metrics::{RuntimeMetricsReporterBuilder, TaskMetricsReporterBuilder, TaskMonitor};

/// The page of a program that counts the load, without the collector's own metrics, and the help
/// texts.
fn page(program: &str) -> (Page, Vec<String>) {
    let folder = temporary_directory(Medium::Memory);
    let mut command = Command::new(program);
    let mut child = Child::start(command.arg(folder.path().join("metrics")));
    let ended = within(Duration::from_secs(120), "the load", || child.ended());
    let output = child.all_output();
    assert!(ended.success(), "{ended}: {output}");
    let mut page = Page::parse(&output).unwrap_or_else(|error| panic!("{error}\n{output}"));
    page.samples.retain(|name, _| !name.starts_with("headcount_"));
    page.types.retain(|name, _| !name.starts_with("headcount_"));
    let help = output.lines().filter(|line| line.starts_with("# HELP "));
    let help = help.filter(|line| !line.contains(" headcount_")).map(str::to_owned);
    (page, help.collect())
}

#[test]
fn the_same_load_gives_the_same_page_sample_by_sample() {
    let (compiled, compiled_help) = page(env!("CARGO_BIN_EXE_facade_compiled"));
    // 8 from the master, and 1,500 of each of five workers.
    assert_eq!(compiled.value("plain_total"), Some(7_508.0));
    assert!(compiled.samples.len() > 60, "{compiled:#?}");
    let (facade, facade_help) = page(env!("CARGO_BIN_EXE_facade"));
    assert_eq!(facade, compiled);
    assert_eq!(facade_help, compiled_help);
}

fn snapshot() -> Snapshot {
    let snapshot = Collector::new().collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    snapshot
}

#[test]
fn what_was_removed_is_made_anew_in_every_thread() {
    let recorder = headcount_metrics::Builder::new().build();
    let record = |times: u64| {
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("moves", "arm" => "left").increment(times);
            metrics::gauge!("angle", "arm" => "left").set(1.5);
            metrics::histogram!("reach", "arm" => "left").record(0.25);
        });
    };
    let value = |name| snapshot().value(name, &[("arm", "left")]);
    let (to_other, orders) = std::sync::mpsc::channel::<u64>();
    let (to_us, done) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for times in orders {
                record(times);
                to_us.send(()).expect("we wait");
            }
        });
        // Both threads have the handles.
        record(1);
        to_other.send(10).expect("it waits");
        done.recv().expect("it records");
        for name in ["moves_total", "angle", "reach"] {
            assert_eq!(headcount::remove_matching(name, &[]), 1, "{name}");
        }
        assert_eq!(value("moves_total"), None);
        record(2);
        to_other.send(20).expect("it waits");
        done.recv().expect("it records");
        drop(to_other);
    });
    assert_eq!(value("moves_total"), Some(22.0));
    assert_eq!((value("angle"), value("reach_count")), (Some(1.5), Some(2.0)));
    assert_eq!(headcount::health().dropped_operations(), 0);
}

/// There is no suite of tests for recorders of this facade, so each method is called here, with
/// what its documentation allows.
#[test]
fn every_method_of_a_recorder_does_what_the_facade_says() {
    const METADATA: Metadata<'_> = Metadata::new("every", Level::INFO, Some("every::method"));
    let recorder = headcount_metrics::Builder::new().build();
    let name = |name: &'static str| KeyName::from_const_str(name);
    let key = |name: &'static str, labels: &[(&'static str, &'static str)]| {
        let labels = labels.iter().map(|(label, value)| Label::from_static_parts(label, value));
        Key::from_parts(name, labels.collect::<Vec<_>>())
    };
    recorder.describe_counter(name("every_moves"), Some(Unit::Count), "Moves.".into());
    recorder.describe_gauge(name("every_bytes"), Some(Unit::Bytes), "Memory.".into());

    // One series, in whichever order the labels are given, and by whichever thread.
    let counter =
        recorder.register_counter(&key("every_moves", &[("x", "1"), ("y", "2")]), &METADATA);
    counter.increment(2);
    let again =
        recorder.register_counter(&key("every_moves", &[("y", "2"), ("x", "1")]), &METADATA);
    again.increment(3);
    std::thread::scope(|scope| {
        scope.spawn(|| counter.increment(5));
        scope.spawn(|| {
            let key = key("every_moves", &[("y", "2"), ("x", "1")]);
            recorder.register_counter(&key, &METADATA).increment(7);
        });
    });
    // Of two labels of one name the last one counts; other labels are another series.
    let twice = key("every_moves", &[("x", "0"), ("y", "2"), ("x", "1")]);
    recorder.register_counter(&twice, &METADATA).increment(11);
    recorder.register_counter(&key("every_moves", &[]), &METADATA).increment(1);

    // A total from elsewhere only rises.
    let total = recorder.register_counter(&key("every_total", &[]), &METADATA);
    for (value, expected) in [(5, 5), (3, 5), (5, 5), (8, 8)] {
        total.absolute(value);
        assert_eq!(snapshot().value("every_total", &[]), Some(f64::from(expected)));
    }
    total.increment(2);
    total.absolute(9);
    assert_eq!(snapshot().value("every_total", &[]), Some(10.0));

    let gauge = recorder.register_gauge(&key("every_bytes", &[]), &METADATA);
    gauge.increment(2.5);
    gauge.decrement(4.0);
    assert_eq!(snapshot().value("every_bytes", &[]), Some(-1.5));
    gauge.set(7.0);
    gauge.increment(0.5);

    let histogram = recorder.register_histogram(&key("every_seconds", &[("x", "1")]), &METADATA);
    histogram.record(0.25);
    histogram.record(Duration::from_millis(1500));
    histogram.record_many(20.0, 3);
    // Described late, and once more.
    recorder.describe_histogram(name("every_seconds"), Some(Unit::Seconds), "Waits.".into());
    recorder.describe_counter(name("every_total"), None, "All.".into());
    recorder.describe_counter(name("every_moves"), None, "Moves again.".into());
    // Of what there is not.
    recorder.describe_gauge(name("every_other"), Some(Unit::Percent), "Nothing.".into());

    let snapshot = snapshot();
    for (sample, labels, value) in [
        ("every_moves_total", &[("x", "1"), ("y", "2")][..], 28.0),
        ("every_moves_total", &[], 1.0),
        ("every_total", &[], 10.0),
        ("every_bytes", &[], 7.5),
        ("every_seconds_bucket", &[("x", "1"), ("le", "0.25")], 1.0),
        ("every_seconds_bucket", &[("x", "1"), ("le", "2.5")], 2.0),
        ("every_seconds_bucket", &[("x", "1"), ("le", "+Inf")], 5.0),
        ("every_seconds_sum", &[("x", "1")], 61.75),
    ] {
        assert_eq!(snapshot.value(sample, labels), Some(value), "{sample}{labels:?}");
    }
    for (family, unit, help) in [
        ("every_bytes", "bytes", "Memory."),
        ("every_seconds", "seconds", "Waits."),
        ("every_total", "", "All."),
        // The first description stays, as in other recorders.
        ("every_moves_total", "count", "Moves."),
    ] {
        let found = snapshot.families().iter().find(|known| known.name == family);
        let found = found.map(|found| (found.unit.as_str(), found.help.as_str()));
        assert_eq!(found, Some((unit, help)), "{family}");
    }
    assert!(!snapshot.families().iter().any(|family| family.name == "every_other"));
    assert_eq!(headcount::health().dropped_operations(), 0);
}

#[test]
fn what_tokio_metrics_reports_is_on_the_page() {
    const TASKS: u32 = 5;
    let recorder = headcount_metrics::Builder::new().build();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_time().build();
    let runtime = runtime.expect("a runtime");
    let _inside = runtime.enter();
    let monitor = TaskMonitor::new();
    let (mut of_runtime, mut of_tasks) = metrics::with_local_recorder(&recorder, || {
        let of_runtime = RuntimeMetricsReporterBuilder::default().describe().build();
        let of_tasks =
            TaskMetricsReporterBuilder::new(|name| Key::from_parts(name, &[("of", "jobs")]));
        (of_runtime, of_tasks.describe().build_with_monitor(monitor.clone()))
    });

    // These wait until they are let go.
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let gate = gate.clone();
            runtime.spawn(monitor.instrument(async move {
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(2) {
                    std::hint::spin_loop();
                }
                gate.acquire().await.expect("it stays open").forget();
            }))
        })
        .collect();
    let all_wait = || (monitor.cumulative().total_poll_count == u64::from(TASKS)).then_some(());
    eventually("all tasks were polled", all_wait);
    of_runtime.run_once();
    of_tasks.run_once();
    let tasks_now = f64::from(TASKS);
    let of = [("of", "jobs")];
    let seen = snapshot();
    assert_eq!(seen.value("tokio_workers_count", &[]), Some(3.0));
    assert_eq!(seen.value("tokio_live_tasks_count", &[]), Some(tasks_now));
    assert_eq!(seen.value("tokio_instrumented_count", &of), Some(tasks_now));
    assert_eq!(seen.value("tokio_first_poll_count", &of), Some(tasks_now));
    assert_eq!(seen.value("tokio_dropped_count", &of), Some(0.0));
    let help = |name: &str| seen.families().iter().find(|f| f.name == name).map(|f| &*f.help);
    let workers = "The number of worker threads used by the runtime";
    assert_eq!(help("tokio_workers_count"), Some(workers));
    let polled = seen.value("tokio_total_poll_duration_total", &of).expect("it is there");
    assert!(polled >= 2_000.0 * tasks_now, "microseconds: {polled}");

    gate.add_permits(TASKS as usize);
    for task in tasks {
        runtime.block_on(task).expect("it ends");
    }
    // A worker adds its time when it parks.
    let metrics = runtime.metrics();
    let busy = || -> Duration { (0..3).map(|n| metrics.worker_total_busy_duration(n)).sum() };
    let spun = Duration::from_millis(2) * TASKS;
    eventually("the workers have added it up", || (busy() >= spun).then_some(()));
    // A task that has been waited for may still be let go of.
    let are_gone =
        || metrics.num_alive_tasks() == 0 && monitor.cumulative().dropped_count == u64::from(TASKS);
    eventually("the tasks are gone", || are_gone().then_some(()));
    of_runtime.run_once();
    of_tasks.run_once();
    let seen = snapshot();
    assert_eq!(seen.value("tokio_live_tasks_count", &[]), Some(0.0));
    // This gauge has the tasks since the last report.
    assert_eq!(seen.value("tokio_instrumented_count", &of), Some(0.0));
    assert_eq!(seen.value("tokio_dropped_count", &of), Some(tasks_now));
    let counted = seen.value("tokio_total_busy_duration_total", &[]).expect("it is there");
    let at_most = busy().as_secs_f64() * 1e6;
    // Each report rounds down to microseconds.
    assert!(counted >= 2_000.0 * tasks_now - 2.0 && counted <= at_most, "{counted} of {at_most}");
    assert_eq!(headcount::health().dropped_operations(), 0);
}

/// What a program that misuses the facade leaves in its directory, and what it has reported.
fn misused(what: &str) -> (Page, String) {
    let folder = temporary_directory(Medium::Memory);
    let mut command = Command::new(env!("CARGO_BIN_EXE_facade_misused"));
    let mut child = Child::start(command.arg(folder.path()).arg(what));
    let ended = within(Duration::from_secs(120), "the program", || child.ended());
    let output = child.all_output();
    assert!(ended.success(), "{ended}: {output}");
    let snapshot = Collector::from_directory(folder.path()).collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let text = snapshot.to_text();
    (Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")), output)
}

#[test]
fn what_no_page_can_show_is_reported_and_costs_itself_only() {
    let (_, output) = misused("names");
    // Its own, since its gauges are of the living.
    let (_, page) = output.split_once("page:\n").expect("a page");
    let page = Page::parse(page).unwrap_or_else(|error| panic!("{error}\n{output}"));
    let problem = reported(&output, "problem: ");
    assert!(problem.starts_with("`jobs_total` is declared with two types"), "{problem}");
    // The logger heard of it, and counted that.
    assert_eq!(output.matches("logged: ").count(), 1, "{output}");
    page.assert(&[("log_lines_total{level=\"WARN\"}", 1.0), ("own_log_lines_total", 1.0)]);
    page.assert(&[("jobs_total", 5.0), ("jobs_total{of=\"mail\"}", 4.0)]);
    page.assert(&[(&"n".repeat(1_024), 1.0), ("__total", 1.0)]);
    page.assert(&[("_7_________", 1.0), ("no_label_total{_=\"x\"}", 1.0)]);
    page.assert(&[("same_label_total{a_b=\"2\"}", 1.0)]);
    assert_eq!(page.series("labels_60_total"), 1);
    for absent in ["labels_61_total", "long_label_total", "headcount_jobs_total"] {
        assert_eq!(page.series(absent), 0, "{absent}");
    }
    assert_eq!(page.series("values_total"), 10, "{page:#?}");
    page.assert(&[("values_total{v=\"\0\"}", 1.0)]);
    page.assert(&[("values_total", 1.0), ("values_total{v=\"a\\nb\"}", 1.0)]);
    page.assert(&[("values_total{v=\"\\\\n\"}", 1.0), ("values_total{v=\"\\\"\"}", 1.0)]);
    // Both begin with so many letters of two bytes.
    page.assert(&[(&format!("long_values_total{{v=\"{}\"}}", "é".repeat(512)), 2.0)]);
    // What is not a number is not observed.
    page.assert(&[("extremes", f64::MIN_POSITIVE), ("overflows_total", 1.0)]);
    page.assert(&[("observed_seconds_count", 5.0), ("headcount_cut_label_values_total", 1.0)]);
    page.assert(&[("headcount_dropped_operations_total", 1.0)]);
}

#[test]
fn a_thread_counts_until_it_has_ended() {
    let (page, _) = misused("ends");
    for when in ["before", "after", "only"] {
        page.assert(&[(&format!("ended_total{{when=\"{when}\"}}"), 20.0)]);
    }
    page.assert(&[("began_total", 20.0), ("own_ended_total", 60.0)]);
    page.assert(&[("headcount_dropped_operations_total", 0.0)]);
}

#[test]
fn a_process_may_exit_while_its_threads_declare() {
    for _ in 0..10 {
        let (page, output) = misused("exits");
        let done: f64 = reported(&output, "done: ").parse().expect("a number");
        let threads = (0..4).map(|thread| format!("made_total{{thread=\"{thread}\"}}"));
        let made: f64 = threads.filter_map(|thread| page.value(&thread)).sum();
        let families =
            page.samples.keys().filter(|name| name.starts_with("made_") && !name.contains('{'));
        assert!(made >= done && families.count() >= 200, "{made} of {done}");
    }
}
