//! Programs whose crates are instrumented with OpenTelemetry count over many processes.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use std::process::Command;
use std::time::Duration;

use headcount::{Collector, GaugeMode};
use headcount_opentelemetry::{Builder, Matcher};
use headcount_tests::child::{Child, reported};
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory, within};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::{InstrumentationScope, KeyValue};

/// What a program prints.
fn output(program: &str, arguments: &[&str]) -> String {
    let folder = temporary_directory(Medium::Memory);
    let mut command = Command::new(program);
    let mut child = Child::start(command.arg(folder.path().join("metrics")).args(arguments));
    let ended = within(Duration::from_secs(120), "the program", || child.ended());
    let output = child.all_output();
    assert!(ended.success(), "{ended}: {output}");
    output
}

/// The page in what a program prints, without the collector's own metrics.
fn page(output: &str) -> Page {
    let from = output.find("# HELP ").expect("a page");
    let mut page = Page::parse(&output[from..]).unwrap_or_else(|e| panic!("{e}\n{output}"));
    page.samples.retain(|name, _| !name.starts_with("headcount_"));
    page.types.retain(|name, _| !name.starts_with("headcount_"));
    page
}

fn help(output: &str) -> Vec<&str> {
    let help = output.lines().filter(|line| line.starts_with("# HELP "));
    help.filter(|line| !line.contains(" headcount_")).collect()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_facade_opentelemetry");

#[test]
fn the_same_load_gives_the_same_page_sample_by_sample() {
    let compiled = output(env!("CARGO_BIN_EXE_facade_compiled"), &[]);
    let facade = output(PROGRAM, &[]);
    // 8 from the master, and 1,500 of each of five workers.
    assert_eq!(page(&compiled).value("plain_total"), Some(7_508.0));
    assert_eq!(page(&facade), page(&compiled));
    assert_eq!(help(&facade), help(&compiled));
}

#[test]
fn what_is_observed_is_counted_once_by_each_process() {
    let page = page(&output(PROGRAM, &["observed"]));
    for (sample, value) in [
        // 10 in the master, and 5 in each of four children.
        ("read_bytes_total{kind=\"file\"}", 30.0),
        ("read_bytes_total{kind=\"socket\"}", 31.0),
        ("used_joules_total", 7.5),
        // Of the master, since the children have ended.
        ("open{kind=\"file\"}", -3.0),
        ("level{kind=\"master\"}", 2.5),
    ] {
        assert_eq!(page.value(sample), Some(value), "{sample}: {page:#?}");
    }
}

#[test]
fn a_child_that_is_forked_during_a_callback_observes() {
    let page = page(&output(PROGRAM, &["held"]));
    assert_eq!(page.value("made_total"), Some(9.0), "7 of the parent and 2 of the child");
}

#[test]
fn what_can_not_be_declared_is_reported_and_counts_nothing() {
    let output = output(PROGRAM, &["wrong"]);
    let problem = reported(&output, "problem: ");
    assert!(problem.contains("a metric needs a name"), "{problem}");
    let logged = reported(&output, "headcount: not counted: ");
    assert!(logged.contains("a metric needs a name"), "{logged}");
    let page = page(&output);
    let shown: Vec<(&str, f64)> =
        page.samples.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let expected = [
        ("floats_total", 0.0),
        ("floats_total{nan=\"NaN\"}", 0.0),
        // Whole numbers and floats of one name are added up.
        ("right_total", 1.5),
        ("right_total{a_b=\"c\"}", 1.0),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn callbacks_threads_and_loggers_that_misbehave_cost_themselves_only() {
    let output = output(PROGRAM, &["misused"]);
    let (_, page) = output.split_once("page:\n").expect("a page");
    let page = Page::parse(page).unwrap_or_else(|error| panic!("{error}\n{output}"));
    page.assert(&[
        ("log_lines_total{level=\"WARN\"}", 1.0),
        ("collects", 1.0),
        ("makes_total", 3.0),
        ("made_inside_total", 4.0),
        ("began_total", 10.0),
        ("ended_total{when=\"before\"}", 10.0),
        ("ended_total{when=\"after\"}", 10.0),
        ("ended_total{when=\"only\"}", 10.0),
        ("values_total{v=\"\0\"}", 1.0),
        ("values_total{v=\"a\\nb\"}", 1.0),
        ("values_total{v=\"\\\"\"}", 1.0),
        ("values_total", 1.0),
        ("values_total{v=\"true\"}", 1.0),
        ("values_total{v_w=\"x\"}", 1.0),
    ]);
    assert_eq!(page.series("values_total"), 7, "{page:#?}");
    assert_eq!(page.series("panics_total"), 0, "{page:#?}");
    assert!(page.at("headcount_dropped_operations_total") >= 2.0, "each round");
}

#[test]
fn a_process_may_exit_while_its_threads_declare() {
    for _ in 0..5 {
        let folder = temporary_directory(Medium::Memory);
        let mut command = Command::new(PROGRAM);
        let mut child = Child::start(command.arg(folder.path()).arg("exits"));
        let ended = within(Duration::from_secs(120), "the program", || child.ended());
        let output = child.all_output();
        assert!(ended.success(), "{ended}: {output}");
        let done: f64 = reported(&output, "done: ").parse().expect("a number");
        let snapshot = Collector::from_directory(folder.path()).collect();
        let page = Page::parse(&snapshot.expect("a snapshot").to_text()).expect("a page");
        let threads = (0..4).map(|thread| format!("made_total{{thread=\"{thread}\"}}"));
        let made: f64 = threads.filter_map(|thread| page.value(&thread)).sum();
        assert!(made >= done, "{made} of {done}");
    }
}

/// The samples of one scope, in a process in which other tests count as well.
fn samples(scope: &str) -> Vec<(String, f64)> {
    let text = Collector::new().collect().expect("a snapshot").to_text();
    let page = Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let scope = format!("otel_scope_name=\"{scope}\"");
    page.samples.into_iter().filter(|(name, _)| name.contains(&scope)).collect()
}

#[test]
fn every_instrument_takes_its_numbers() {
    let rules = Builder::new().gauge_mode(Matcher::Prefix("kinds.level".into()), GaugeMode::Max);
    let meter = rules.buckets(Matcher::Full("kinds.ruled".into()), [1.0]).build().meter("kinds");
    let tag = [KeyValue::new("tag", true)];
    meter.u64_counter("kinds.whole").build().add(u64::MAX - 5, &tag);
    let float = meter.f64_counter("kinds.float").with_unit("J").build();
    (0..3).for_each(|_| float.add(0.1, &tag));
    let up = meter.i64_up_down_counter("kinds.up").build();
    up.add(i64::MIN, &tag);
    up.add(i64::MAX, &tag);
    let down = meter.f64_up_down_counter("kinds.down").build();
    down.add(0.5, &tag);
    down.add(-2.0, &tag);
    meter.u64_gauge("kinds.level.u").build().record(7, &tag);
    meter.i64_gauge("kinds.level.i").build().record(-7, &tag);
    meter.f64_gauge("kinds.level.f").with_unit("1").build().record(0.7, &tag);
    meter.u64_histogram("kinds.ruled").with_boundaries(vec![5.0]).build().record(3, &tag);
    meter.f64_histogram("kinds.bare").with_boundaries(vec![]).build().record(3.5, &tag);
    meter.f64_histogram("kinds.took").with_unit("s").build().record(0.003, &tag);
    meter.u64_histogram("kinds.default").build().record(7000, &tag);
    let all = samples("kinds");
    let value = |name: &str, more: &str| {
        let series = format!("{name}{{{more}otel_scope_name=\"kinds\",tag=\"true\"}}");
        all.iter().find(|(known, _)| *known == series).map(|(_, value)| *value)
    };
    assert_eq!(value("kinds_whole_total", ""), Some(18_446_744_073_709_551_610.0));
    // As one sum that is rounded once.
    assert_eq!(value("kinds_float_joules_total", ""), Some(0.300_000_000_000_000_04));
    assert_eq!(value("kinds_up", ""), Some(0.0));
    assert_eq!(value("kinds_down", ""), Some(-1.5));
    assert_eq!(value("kinds_level_u", ""), Some(7.0));
    assert_eq!(value("kinds_level_i", ""), Some(-7.0));
    assert_eq!(value("kinds_level_f_ratio", ""), Some(0.7));
    assert_eq!(value("kinds_ruled_bucket", "le=\"1.0\","), Some(0.0));
    assert_eq!(value("kinds_ruled_bucket", "le=\"5.0\","), None, "the program's rule holds");
    assert_eq!(
        (value("kinds_bare_count", ""), value("kinds_bare_sum", "")),
        (Some(1.0), Some(3.5))
    );
    assert_eq!(value("kinds_took_seconds_bucket", "le=\"0.005\","), Some(1.0));
    assert_eq!(value("kinds_default_bucket", "le=\"5000.0\","), Some(0.0));
    assert_eq!(value("kinds_default_bucket", "le=\"7500.0\","), Some(1.0));
}

#[test]
fn attributes_have_no_order_and_may_differ_from_call_to_call() {
    let provider = Builder::new().build();
    let scope = InstrumentationScope::builder("sets").with_version("1.2");
    let meter = provider.meter_with_scope(scope.build());
    let calls = meter.u64_counter("sets.calls").build();
    let (a, b) = (KeyValue::new("a", 1), KeyValue::new("b", "x"));
    calls.add(1, &[a.clone(), b.clone()]);
    calls.add(10, &[b.clone(), a.clone()]);
    calls.add(100, &[a.clone(), KeyValue::new("b", "y"), b]);
    calls.add(3, std::slice::from_ref(&a));
    calls.add(5, &[]);
    let scope = "otel_scope_name=\"sets\",otel_scope_version=\"1.2\"";
    let expected = [
        (format!("sets_calls_total{{a=\"1\",b=\"x\",{scope}}}"), 111.0),
        (format!("sets_calls_total{{a=\"1\",{scope}}}"), 3.0),
        (format!("sets_calls_total{{{scope}}}"), 5.0),
    ];
    assert_eq!(samples("sets"), expected);
    // Another thread has none of it in its cache, and a series that was removed is made anew.
    std::thread::scope(|scope| {
        let calls = &calls;
        scope.spawn(move || calls.add(4, &[a]));
    });
    assert_eq!(samples("sets")[1].1, 7.0);
    assert_eq!(headcount::remove_matching("sets_calls_total", &[]), 3);
    calls.add(2, &[]);
    assert_eq!(samples("sets"), [(format!("sets_calls_total{{{scope}}}"), 2.0)]);
}

#[test]
fn a_bound_instrument_counts_in_the_series_of_its_attributes() {
    let meter = Builder::new().build().meter("bound");
    let calls = meter.u64_counter("bound.calls").build();
    let route = [KeyValue::new("route", "/")];
    let bound = calls.bind(&route);
    bound.add(2);
    calls.add(3, &route);
    let took = meter.f64_histogram("bound.took").with_unit("s").build().bind(&[]);
    took.record(0.5);
    let calls = || samples("bound").into_iter().find(|(name, _)| name.starts_with("bound_calls"));
    let series = "bound_calls_total{otel_scope_name=\"bound\",route=\"/\"}".to_owned();
    assert_eq!(calls(), Some((series.clone(), 5.0)));
    assert_eq!(headcount::remove_matching("bound_calls_total", &[]), 1);
    assert_eq!(calls(), None);
    bound.add(7);
    assert_eq!(calls(), Some((series, 7.0)));
    let count = "bound_took_seconds_count{otel_scope_name=\"bound\"}".to_owned();
    assert!(samples("bound").contains(&(count, 1.0)));
}
