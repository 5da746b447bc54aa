//! Metrics that are declared at run time: what is accepted and what is refused, how they count, and
//! what forks, full segments and compiled declarations do to them.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headcount::{
    Collector, Counter, Error, Gauge, GaugeMode, LabelValue, MetricType, dynamic, metric,
};
use headcount_tests::child::{Child, told};
use headcount_tests::files::segments;
use headcount_tests::page::Page;
use headcount_tests::random::Random;
use headcount_tests::{Medium, temporary_directory, within};

/// Compiled.
#[metric(name = "compiled_total")]
fn compiled(kind: &str) -> Counter;

/// Compiled.
#[metric(name = "compiled_depth", mode = "livesum")]
static COMPILED_DEPTH: Gauge;

fn page() -> Page {
    let snapshot = Collector::new().collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    Page::parse(&snapshot.to_text()).unwrap_or_else(|error| panic!("{error}"))
}

fn declarer(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_declarer"));
    command.env_remove("HEADCOUNT_DIR").args(arguments).envs(environment.iter().copied());
    let mut child = Child::start(&mut command);
    let ended = within(Duration::from_secs(240), "the declarer", || child.ended());
    let output = child.all_output();
    assert!(ended.success(), "{ended}: {output}");
    output
}

fn page_in(output: &str) -> Page {
    let (head, page) = output.split_once("page:\n").expect("a page");
    assert!(!head.contains("skipped: "), "{head}");
    Page::parse(page).unwrap_or_else(|error| panic!("{error}\n{output}"))
}

#[derive(LabelValue)]
enum Phase {
    Starting,
    Serving,
}

#[test]
fn every_kind_of_handle_records_as_a_compiled_one_does() -> Result<(), Error> {
    let counter = dynamic::counter("kinds_total", "Whole numbers.").register()?;
    let joules = dynamic::float_counter("kinds_joules_total", "Joules.").unit("joules");
    let gauge = dynamic::gauge("kinds_depth", "Depth.", GaugeMode::LiveMostRecent).register()?;
    let sizes = dynamic::histogram("kinds_bytes", "Sizes.").buckets([1.0, 10.0]).register()?;
    let times = dynamic::histogram("kinds_seconds", "Times.").register()?;
    let replies = dynamic::summary("kinds_replies", "Replies.").register()?;
    let info = dynamic::info("kinds_info", "Facts.").labels(["version"]).register_family()?;
    let phase = dynamic::state_set("kinds_phase", "Phase.", GaugeMode::LiveSum).register()?;
    let names = ["red", "green"];
    let light = dynamic::states("kinds_light", "Light.", GaugeMode::LiveSum, names).register()?;
    let states = dynamic::states("kinds_lamps", "Lamps.", GaugeMode::LiveSum, names);
    let lamps = states.labels(["street"]).register_family()?;

    counter.inc();
    counter.inc_by(4);
    joules.register()?.inc_by(0.5);
    gauge.set(7);
    for value in [1, 2, 50] {
        sizes.observe(value);
    }
    times.observe(Duration::from_millis(30));
    replies.observe(3);
    info.with_label_values(&["1"]).set();
    info.with_label_values(&["2"]).set();
    phase.set(Phase::Starting);
    phase.set(Phase::Serving);
    assert!(light.set_by_name("red") && light.set_by_name("green") && !light.set_by_name("blue"));
    assert!(lamps.with_label_values(&["High"]).set_by_name("red"));

    let page = page();
    for (name, kind) in [
        ("kinds_total", "counter"),
        ("kinds_joules_total", "counter"),
        ("kinds_depth", "gauge"),
        ("kinds_bytes", "histogram"),
        ("kinds_replies", "summary"),
    ] {
        assert_eq!(page.types[name], kind);
    }
    for (sample, value) in [
        ("kinds_total", 5.0),
        ("kinds_joules_total", 0.5),
        ("kinds_depth", 7.0),
        ("kinds_bytes_sum", 53.0),
        ("kinds_bytes_count", 3.0),
        ("kinds_seconds_count", 1.0),
        ("kinds_replies_sum", 3.0),
        ("kinds_info{version=\"2\"}", 1.0),
        ("kinds_phase{kinds_phase=\"serving\"}", 1.0),
        ("kinds_phase{kinds_phase=\"starting\"}", 0.0),
        ("kinds_light{kinds_light=\"green\"}", 1.0),
        ("kinds_light{kinds_light=\"red\"}", 0.0),
        ("kinds_lamps{kinds_lamps=\"red\",street=\"High\"}", 1.0),
        ("kinds_lamps{kinds_lamps=\"green\",street=\"High\"}", 0.0),
    ] {
        assert_eq!(page.value(sample), Some(value), "{sample}");
    }
    assert_eq!(page.value("kinds_info{version=\"1\"}"), None);
    assert_eq!(page.buckets("kinds_bytes", ""), [(1.0, 1.0), (10.0, 2.0), (f64::INFINITY, 3.0)]);
    Ok(())
}

#[test]
fn families_have_up_to_sixty_labels_and_rows_are_told_apart_by_each() -> Result<(), Error> {
    for labels in [1_u32, 2, 3, 4, 5, 8, 9, 16, 60] {
        let names: Vec<String> = (0..labels).map(|label| format!("label_{label}")).collect();
        let name = format!("wide_{labels}_total");
        let family = dynamic::counter(&name, "Wide.").labels(&names).register_family()?;
        let mut values: Vec<String> = (0..labels).map(|label| format!("value {label}")).collect();
        let texts = |values: &[String]| {
            let texts: Vec<&str> = values.iter().map(String::as_str).collect();
            family.with_label_values(&texts)
        };
        texts(&values).inc_by(2);
        texts(&values).inc();
        // Differs in one label only, and in a long text.
        for label in 0..values.len() {
            let before = core::mem::replace(&mut values[label], "x".repeat(200));
            texts(&values).inc();
            values[label] = before;
        }
        let page = page();
        let of_it = page.samples.iter().filter(|(sample, _)| sample.starts_with(&name));
        let counts: Vec<f64> = of_it.map(|(_, count)| *count).collect();
        assert_eq!(counts.len(), values.len() + 1);
        assert_eq!(counts.iter().sum::<f64>(), 3.0 + f64::from(labels));
    }
    Ok(())
}

#[test]
fn series_beyond_the_maximum_are_the_other_one_and_can_be_removed() -> Result<(), Error> {
    let family = dynamic::counter("capped_total", "Capped.").labels(["a", "b"]).max_series(2);
    let family = family.register_family()?;
    for value in ["1", "2", "3", "4"] {
        family.with_label_values(&[value, "x"]).inc();
    }
    assert_eq!(page().value("capped_total{a=\"_other\",b=\"_other\"}"), Some(2.0));
    assert!(family.remove_label_values(&["1", "x"]));
    assert!(!family.remove_label_values(&["1", "x"]) && !family.remove_label_values(&["2"]));
    family.with_label_values(&["5", "x"]).inc();
    assert_eq!(page().value("capped_total{a=\"5\",b=\"x\"}"), Some(1.0));
    assert_eq!(family.clear(), 3);
    assert!(!page().samples.keys().any(|sample| sample.starts_with("capped_total")));
    Ok(())
}

/// The error, which names the metric, the rule, and the place: this file.
#[track_caller]
fn refuses<T>(name: &str, registered: Result<T, Error>, says: &str) {
    let Err(error) = registered else { panic!("`{name}` is accepted") };
    let message = error.to_string();
    assert!(error.is_invalid() && error.reason() == "invalid", "{message}");
    let begins = format!("`{name}` can't be declared at ");
    assert!(message.starts_with(&begins), "{message}");
    assert!(message.contains("metrics_dynamic.rs:"), "{message}");
    assert!(message.contains(says), "{message}");
}

#[test]
fn what_the_macros_refuse_is_refused() {
    // Each of these is refused at compile time too: see `ui/fail`.
    for (name, says) in [
        ("", "a metric needs a name"),
        ("bad-name_total", "is not a metric name: try `bad_name_total`"),
        ("a b_total", "is not a metric name: try `a_b_total`"),
        ("9s_total", "is not a metric name: try `_9s_total`"),
        ("http.requests_total", "is not a metric name: try `http_requests_total`"),
        ("jobs", "a counter's name ends in `_total`: `jobs_total`"),
        ("sent_kb_total", "metrics are exported in base units: use `sent_bytes_total`"),
        ("headcount_jobs_total", "names that begin with `headcount_`"),
        ("function_calls_total", "is the family of every `#[counted]`"),
    ] {
        refuses(name, dynamic::counter(name, "Help.").register(), says);
    }
    for ending in ["_total", "_info", "_created", "_bucket", "_sum", "_count"] {
        let name = format!("some{ending}");
        let says = "`some`";
        refuses(&name, dynamic::gauge(&name, "Help.", GaugeMode::Sum).register(), says);
        refuses(&name, dynamic::histogram(&name, "Help.").register(), says);
        refuses(&name, dynamic::summary(&name, "Help.").register(), says);
    }
    refuses("some", dynamic::info("some", "Help.").register(), "an info's name ends in `_info`");
    refuses("some_total", dynamic::counter("some_total", " ").register(), "`help` is empty");
    for (label, says) in [
        ("", "is not a label name"),
        ("a-b", "`a-b` is not a label name"),
        ("a:b", "`a:b` is not a label name"),
        ("1a", "`1a` is not a label name"),
        ("le", "the label `le` is reserved"),
        ("quantile", "the label `quantile` is reserved"),
        ("pid", "the label `pid` is reserved"),
        ("__name__", "the label `__name__` is reserved"),
    ] {
        let family = dynamic::counter("some_total", "Help.").labels(["fine", label]);
        refuses("some_total", family.register_family(), says);
    }
    let twice = dynamic::counter("some_total", "Help.").labels(["a", "b", "a"]).register_family();
    refuses("some_total", twice, "the label `a` is given twice");
    for (unit, says) in [
        ("by tes", "`by tes` is not a unit"),
        ("bytes", "the name must end in the unit: `some_bytes_total`"),
    ] {
        refuses("some_total", dynamic::counter("some_total", "Help.").unit(unit).register(), says);
    }
    let info = dynamic::info("some_info", "Help.").unit("info").register();
    refuses("some_info", info, "an info has no unit");
    for (bounds, says) in [
        (vec![], "at least one bucket bound is needed"),
        (vec![1.0, 1.0], "bucket bounds must ascend: 1 comes after 1"),
        (vec![2.0, 1.0], "bucket bounds must ascend: 1 comes after 2"),
        (vec![0.0, -0.0], "bucket bounds must ascend"),
        (vec![1.0, f64::INFINITY], "bucket bounds must be finite"),
        (vec![f64::NAN], "bucket bounds must be finite"),
        ((0..1_001).map(f64::from).collect(), "more than 1,000 buckets"),
    ] {
        let sizes = dynamic::histogram("some_sizes", "Help.").buckets(bounds).register();
        refuses("some_sizes", sizes, says);
    }
    let sizes = dynamic::histogram("some_sizes", "Help.").register();
    refuses("some_sizes", sizes, "a histogram that is not in seconds needs `buckets`");
    assert!(dynamic::histogram("foreign_sizes", "").foreign().register().is_ok());
    for most in [0, 1_000_001] {
        let family = dynamic::counter("some_total", "Help.").labels(["a"]).max_series(most);
        let says = "`max_series` is a number from 1 to 1000000";
        refuses("some_total", family.register_family(), says);
    }
    let idle = dynamic::counter("some_total", "Help.").labels(["a"]);
    let idle = idle.idle_timeout(Duration::from_millis(1)).register_family();
    refuses("some_total", idle, "`idle_timeout` is a second to a hundred years");
    let states = |states: &[&str]| {
        let states = states.iter().copied();
        dynamic::states("some_state", "Help.", GaugeMode::LiveSum, states)
    };
    refuses("some_state", states(&[]).register(), "a state set needs states");
    refuses("some_state", states(&["a", "b", "a"]).register(), "the state `a` is given twice");
    let own = states(&["a"]).labels(["some_state"]).register_family();
    refuses("some_state", own, "the label that has a state set's name");
    let labelled = dynamic::counter("some_total", "Help.").labels(["a"]).register();
    refuses("some_total", labelled, "it has labels: call `register_family`");
    assert!(!headcount::declarations().iter().any(|one| one.name.starts_with("some")));
}

#[test]
fn what_does_not_fit_is_refused() {
    let long = "a".repeat(1_025);
    let error = dynamic::gauge(&long, "Help.", GaugeMode::Sum).register();
    refuses(&long[..200], error, "its name has more than 1,024 bytes");
    assert!(dynamic::gauge("a".repeat(1_024), "Help.", GaugeMode::Sum).register().is_ok());
    let label = dynamic::counter("some_total", "Help.").labels([&long]).register_family();
    refuses("some_total", label, "a label's name has more than 1,024 bytes");
    let many = (0..61).map(|label| format!("a{label}"));
    let many = dynamic::counter("some_total", "Help.").labels(many).register_family();
    refuses("some_total", many, "a family has at most 60 labels");
    let help = dynamic::counter("some_total", "h".repeat(1 << 16)).register();
    refuses("some_total", help, "its help has more than 65535 bytes");
    let states = dynamic::states("some_state", "Help.", GaugeMode::LiveSum, [&long]).register();
    refuses("some_state", states, "a state is a text of 1 to 1,024 bytes");
}

#[test]
fn a_foreign_declaration_keeps_its_style_but_not_what_no_page_can_show() -> Result<(), Error> {
    let calls = dynamic::counter("foreign_calls", "").labels(["a"]).foreign().register_family()?;
    calls.with_label_values(&["1"]).inc();
    let others = dynamic::counter("foreign_calls", "").labels(["b"]).foreign().register_family()?;
    others.with_label_values(&["1"]).inc();
    let sizes = dynamic::gauge("foreign_size_mb", "", GaugeMode::Sum).foreign().register()?;
    sizes.set(1);
    let page = page();
    assert_eq!(page.value("foreign_calls{a=\"1\"}"), Some(1.0));
    assert_eq!(page.value("foreign_calls{b=\"1\"}"), Some(1.0));
    assert_eq!(page.value("foreign_size_mb"), Some(1.0));
    for name in ["foreign calls", "headcount_calls", "function_calls_total"] {
        let error = dynamic::counter(name, "").foreign().register().expect_err("refused");
        assert!(error.is_invalid(), "{error}");
    }
    let label = dynamic::counter("foreign_total", "").labels(["le"]).foreign().register_family();
    refuses("foreign_total", label, "the label `le` is reserved");
    // Other labels are a contradiction without the switch.
    let plain = dynamic::counter("foreign_calls", "").labels(["c"]).register_family();
    assert!(plain.expect_err("refused").is_invalid());
    let plain = dynamic::counter("foreign_two_total", "Help.").labels(["c"]).foreign();
    let _declared = plain.register_family()?;
    let plain = dynamic::counter("foreign_two_total", "Help.").labels(["d"]).register_family();
    assert!(plain.expect_err("refused").is_conflict());
    assert!(headcount::verify().is_ok(), "{:?}", headcount::verify());
    Ok(())
}

/// The error, which lists both places: lines of this file.
#[track_caller]
fn contradicts<T>(registered: Result<T, Error>, says: &str) {
    let Err(error) = registered else { panic!("it is accepted") };
    let message = error.to_string();
    assert!(error.is_conflict() && error.reason() == "conflict", "{message}");
    assert!(message.contains(says), "{message}");
    assert_eq!(message.matches("metrics_dynamic.rs:").count(), 2, "{message}");
}

#[test]
fn names_may_be_any_text_and_a_page_shows_what_its_client_reads() -> Result<(), Error> {
    let durations = dynamic::histogram("http.server.duration", "Durations.").buckets([1.0]);
    let durations = durations.labels(["http.route", "日"]).utf8_names().register_family()?;
    durations.with_label_values(&["/a", "x"]).observe(2);
    let snapshot = Collector::new().collect()?;
    let page = Page::parse(&snapshot.to_text()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(page.value("http_server_duration_count{_=\"x\",http_route=\"/a\"}"), Some(1.0));
    let quoted = snapshot.render("text/plain;version=1.0.0;escaping=allow-utf-8");
    let quoted = String::from_utf8_lossy(quoted.body()).into_owned();
    let line = "{\"http.server.duration_count\",\"http.route\"=\"/a\",\"日\"=\"x\"} 1\n";
    assert!(quoted.contains(line), "{quoted}");
    let long = format!("{}é", "a".repeat(1_022));
    assert!(dynamic::gauge(&long, "Long.", GaugeMode::Sum).utf8_names().register().is_ok());
    for (name, says) in [
        ("a b", "it contains ' '"),
        ("a\nb", "it contains '\\n'"),
        ("", "a name is empty"),
        ("headcount.x", "names that begin with `headcount_`"),
        ("x.calls_total", "only a counter's name ends in `_total`"),
    ] {
        let gauge = dynamic::gauge(name, "Help.", GaugeMode::Sum).utf8_names().register();
        let message = gauge.expect_err("refused").to_string();
        assert!(message.contains(says), "{message}");
    }
    for label in ["__a.b", "le"] {
        let family = dynamic::counter("x.y_total", "Help.").labels([label]).utf8_names();
        refuses("x.y_total", family.register_family(), "is reserved");
    }
    Ok(())
}

#[test]
fn a_description_may_come_before_or_after_its_family() -> Result<(), Error> {
    dynamic::describe("described_before", "Before.", "");
    let before = dynamic::counter("described_before", "").labels(["a"]).foreign();
    before.register_family()?.with_label_values(&["1"]).inc();
    let after = dynamic::gauge("described_after_bytes", "", GaugeMode::LiveSum).foreign();
    after.clone().register()?.set(3);
    dynamic::describe("described_after_bytes", "After.", "bytes");
    // The same family: another would have a value of its own.
    after.register()?.inc();
    let page = Collector::new().collect()?.render("application/openmetrics-text");
    let text = String::from_utf8_lossy(page.body()).into_owned();
    assert!(text.contains("# HELP described_before Before.\n"), "{text}");
    assert!(text.contains("# HELP described_after_bytes After.\n"), "{text}");
    assert!(text.contains("# UNIT described_after_bytes bytes\n"), "{text}");
    assert!(text.contains("described_after_bytes 4.0\n"), "{text}");
    Ok(())
}

#[test]
fn a_counter_can_be_raised_to_a_total_that_something_else_keeps() -> Result<(), Error> {
    let total = dynamic::counter("raised_total", "Raised.").register()?;
    for (to, expected) in [(10, 10.0), (7, 10.0), (12, 12.0)] {
        total.raise_to(to);
        assert_eq!(page().value("raised_total"), Some(expected));
    }
    // Whatever was added counts as well, in any thread.
    total.inc_by(5);
    std::thread::spawn(move || total.inc_by(3)).join().expect("no panic");
    total.raise_to(19);
    assert_eq!(page().value("raised_total"), Some(20.0));
    total.raise_to(30);
    assert_eq!(page().value("raised_total"), Some(30.0));
    Ok(())
}

#[test]
fn what_contradicts_is_an_error_with_both_places() -> Result<(), Error> {
    let depth = || dynamic::gauge("twice_depth", "Depth.", GaugeMode::LiveSum);
    let depths = depth().labels(["a", "b"]).register_family()?;
    let sizes = dynamic::histogram("twice_sizes", "Sizes.").buckets([1.0, 2.0]).register()?;
    depths.with_label_values(&["1", "2"]).set(3);
    sizes.observe(1);

    let as_counter = dynamic::summary("twice_depth", "Depth.").labels(["a", "b"]);
    contradicts(as_counter.register_family(), "two types, gauge and summary");
    let other_mode = dynamic::gauge("twice_depth", "Depth.", GaugeMode::Max).labels(["a", "b"]);
    contradicts(other_mode.register_family(), "different modes");
    contradicts(depth().labels(["a"]).register_family(), "different labels");
    contradicts(depth().labels(["b", "a"]).register_family(), "different orders of labels");
    let other_bounds = dynamic::histogram("twice_sizes", "Sizes.").buckets([1.0, 3.0]);
    contradicts(other_bounds.register(), "different buckets");

    // The one in force stays in force, and is the known one.
    depth().labels(["a", "b"]).register_family()?.with_label_values(&["1", "2"]).inc();
    assert_eq!(page().value("twice_depth{a=\"1\",b=\"2\"}"), Some(4.0));
    assert!(headcount::verify().is_ok(), "what is refused is not declared");
    Ok(())
}

#[test]
fn a_compiled_declaration_is_in_force() -> Result<(), Error> {
    let gauge = dynamic::gauge("compiled_total", "Compiled.", GaugeMode::Sum).foreign();
    contradicts(gauge.labels(["kind"]).register_family(), "two types, counter and gauge");
    let other = dynamic::counter("compiled_total", "Compiled.").labels(["kind", "more"]);
    contradicts(other.register_family(), "different labels");
    // The same family: both count.
    let same = dynamic::counter("compiled_total", "Compiled.").labels(["kind"]);
    same.register_family()?.with_label_values(&["a"]).inc();
    compiled("a").inc();
    let depth = dynamic::gauge("compiled_depth", "Compiled.", GaugeMode::LiveSum).register()?;
    depth.set(2);
    COMPILED_DEPTH.inc();
    let page = page();
    assert_eq!(page.value("compiled_total{kind=\"a\"}"), Some(2.0));
    assert_eq!(page.value("compiled_depth"), Some(3.0), "one series with one value");
    Ok(())
}

#[test]
fn an_equal_declaration_is_the_known_family() -> Result<(), Error> {
    let declare = || dynamic::histogram("equal_bytes", "Sizes.").unit("bytes").labels(["a"]);
    let count = || headcount::declarations().iter().filter(|d| d.name == "equal_bytes").count();
    for _ in 0..1_000 {
        let family = declare().buckets([1.0, 2.0]).register_family()?;
        family.with_label_values(&["x"]).observe(1);
    }
    assert_eq!(count(), 1);
    assert_eq!(page().value("equal_bytes_count{a=\"x\"}"), Some(1_000.0));
    let declared = headcount::declarations();
    let declared = declared.iter().find(|one| one.name == "equal_bytes").expect("declared");
    assert_eq!((declared.kind, declared.unit.as_str()), (MetricType::Histogram, "bytes"));
    assert_eq!(
        (declared.labels.as_slice(), &declared.buckets[..]),
        (&["a".into()][..], &[1.0, 2.0][..])
    );
    assert!(declared.file.ends_with("metrics_dynamic.rs") && declared.line > 0, "{declared}");
    Ok(())
}

#[test]
fn a_wrong_number_of_values_counts_nothing_and_is_reported() {
    // In a process of its own: `health` reports the first problem only.
    let output = declarer(&["misuse"], &[]);
    assert!(
        told(&output, "problem: ").contains("`rows_total` has 2 labels, and was given 1 value at "),
        "{output}"
    );
    assert!(told(&output, "problem: ").contains("declarer.rs:"), "{output}");
    assert!(told(&output, "error: ").contains("was given 3 values at "), "{output}");
    assert_eq!(told(&output, "dropped operations: "), "2");
    let page = page_in(&output);
    assert_eq!(page.samples.keys().filter(|name| name.starts_with("rows_total")).count(), 1);
}

/// A declaration as the directory has it, without the place.
type Read = (MetricType, Option<GaugeMode>, String, String, Vec<String>, Vec<f64>);

/// A name that is right, or has something awkward in it.
fn name(random: &mut Random, endings: &[&str]) -> String {
    const AWKWARD: [&str; 16] = [
        ":", " ", "-", ".", "é", "\n", "\"", "\\", "{", "le", "pid", "__", "total", "\u{0}", "日",
        "0",
    ];
    let mut name = String::new();
    for _ in 0..=random.below(8) {
        let is_awkward = random.below(24) == 0;
        let part = if is_awkward { random.pick(&AWKWARD) } else { random.pick(&["a", "b", "c_d"]) };
        name.push_str(part);
    }
    name.push_str(random.pick::<&str>(endings));
    name
}

#[test]
fn whatever_is_accepted_is_read_back_equal() {
    let mut random = Random::seeded();
    let mut accepted = BTreeMap::<String, Vec<Read>>::new();
    let mut refused = 0;
    for number in 0..3_000_u32 {
        let endings = ["_total", "_total", "_info", "_state", "", "", "_count"];
        let name = format!("random_{number}x{}", name(&mut random, &endings));
        let help = *random.pick(&["Help.", "a\nb\\", "é", " ", "Help."]);
        let labels: Vec<String> =
            (0..random.below(4)).map(|_| self::name(&mut random, &[""])).collect();
        let mode = *random.pick(&[GaugeMode::Sum, GaugeMode::LiveAll, GaugeMode::MostRecent]);
        let bounds: Vec<f64> = (0..random.below(4))
            .map(|_| {
                *random.pick(&[-1.0, 0.0, -0.0, 0.1, 1.0, 2.0, 1e300, f64::INFINITY, f64::NAN])
            })
            .collect();
        let (utf8, foreign) = (random.below(2) == 0, random.below(2) == 0);
        macro_rules! declare {
            ($builder:expr) => {{
                let builder = $builder.labels(&labels);
                let builder = if utf8 { builder.utf8_names() } else { builder };
                let builder = if foreign { builder.foreign() } else { builder };
                builder.register_family().map(|family| family.name())
            }};
        }
        let which = random.below(6);
        let declared = match which {
            0 => declare!(dynamic::counter(&name, help)),
            1 => declare!(dynamic::float_counter(&name, help)),
            2 => declare!(dynamic::gauge(&name, help, mode)),
            3 => declare!(dynamic::histogram(&name, help).buckets(bounds.clone())),
            4 => declare!(dynamic::info(&name, help)),
            _ => declare!(dynamic::states(&name, help, mode, ["a", "b"])),
        };
        if let Err(error) = declared {
            assert!(error.is_invalid(), "{error}");
            refused += 1;
            continue;
        }
        let kind = match which {
            0 | 1 => MetricType::Counter,
            2 => MetricType::Gauge,
            3 => MetricType::Histogram,
            4 => MetricType::Info,
            _ => MetricType::StateSet,
        };
        let mode = (which == 2 || which == 5).then_some(mode);
        let mut labels = labels;
        labels.extend((which == 5).then(|| name.clone()));
        labels.sort();
        let bounds = if which == 3 { bounds } else { Vec::new() };
        let read = (kind, mode, help.to_owned(), String::new(), labels, bounds);
        accepted.entry(name).or_default().push(read);
    }
    assert!(accepted.len() > 200 && refused > 200, "{} and {refused}", accepted.len());
    let collector = Collector::new();
    let snapshot = collector.collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "seed {}: {:?}", random.seed(), snapshot.skipped());
    Page::parse(&snapshot.to_text()).unwrap_or_else(|error| panic!("{error}"));
    let mut there = BTreeMap::<String, Vec<Read>>::new();
    for d in collector.declarations().expect("a list") {
        if d.name.starts_with("random_") {
            let read = (d.kind, d.mode, d.help, d.unit, d.labels, d.buckets);
            there.entry(d.name).or_default().push(read);
        }
    }
    assert_eq!(there, accepted, "seed {}", random.seed());
}

/// A segment's log, without what differs between processes: when its series were created.
fn log(path: &Path) -> Vec<Vec<u8>> {
    let file = File::open(path).expect("ours");
    let read = |at: u64, len: usize| {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at).expect("it is longer");
        bytes
    };
    let word = u32::from_le_bytes(read(0x1040, 4).try_into().expect("four bytes"));
    let log = read(0x2000, usize::try_from(word).expect("small"));
    let (mut records, mut rest) = (Vec::new(), &log[..]);
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[..4].try_into().expect("four bytes"));
        let (record, behind) = rest.split_at(usize::try_from(len).expect("small"));
        let mut record = record.to_vec();
        record[12..16].fill(0);
        if record[4] == 2 {
            record[28..36].fill(0);
        }
        records.push(record);
        rest = behind;
    }
    records
}

#[test]
fn a_master_that_only_declares_makes_no_file_and_its_workers_have_equal_logs() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("metrics");
    let output = declarer(&["preload"], &[("HEADCOUNT_DIR", directory.to_str().expect("UTF-8"))]);
    assert_eq!(told(&output, "files: "), "0 4");
    let page = page_in(&output);
    for number in 1..20_u32 {
        let plain = page.value(&format!("plain_{number}_total"));
        assert_eq!(plain, Some(f64::from(4 * (number + 1))), "{number}");
    }
    assert_eq!(page.value("plain_0_total"), Some(8.0));
    assert_eq!(page.value("rows_7_total{id=\"a\"}"), Some(44.0));
    let segments = segments(&directory);
    let mut logs: Vec<_> = segments.iter().map(|name| log(&directory.join(name))).collect();
    logs.sort_by_key(Vec::len);
    let longest = logs.last().expect("segments").clone();
    // The master has counted in no row.
    assert_eq!(logs.iter().map(Vec::len).max(), Some(20 * 3 + 2 + 1));
    for log in logs {
        assert!(longest.starts_with(&log), "as far as it goes");
    }
}

#[test]
fn threads_may_declare_while_others_fork() {
    let folder = temporary_directory(Medium::Memory);
    let output = declarer(&["forks", folder.path().to_str().expect("UTF-8")], &[]);
    assert_eq!(told(&output, "health: "), "None", "{output}");
    let number = |what: &str| told(&output, what).parse::<f64>().expect("a number");
    let page = page_in(&output);
    assert_eq!(page.at("known_total"), number("counted: ") + 60.0 * 2_000.0);
    assert_eq!(page.at("rows_total{thread=\"kept\"}"), 60.0);
    assert_eq!(page.at("rows_total{thread=\"child\"}"), 60.0);
    assert_eq!(page.at("threads_total"), 60.0);
    for child in 0..60 {
        assert_eq!(page.at(&format!("child_{child}_total")), 1.0);
    }
    let made = page.samples.iter().filter(|(name, _)| name.starts_with("made_"));
    let made: Vec<f64> = made.map(|(_, count)| *count).collect();
    assert_eq!(made.iter().sum::<f64>(), number("declared: "));
    assert!(made.iter().all(|count| *count == 1.0));
}

#[test]
fn ten_thousand_declarations_are_registered_one_by_one() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().to_str().expect("UTF-8");
    let output = declarer(&["many", directory, "10000"], &[]);
    assert_eq!(told(&output, "families: "), "20002", "{output}");
    // For who changes the figures in the documentation.
    println!("{output}");
}

#[test]
fn one_family_too_many_is_refused() {
    let output = declarer(&["too-many"], &[]);
    let refused = told(&output, "refused: ");
    assert!(refused.starts_with("more than 100000 families are declared at run time"), "{refused}");
    assert!(refused.contains("`number_100000_total`"), "{refused}");
}

#[test]
fn without_a_directory_or_space_a_declaration_is_what_a_compiled_one_is() {
    let output = declarer(&["alone"], &[]);
    assert_eq!(told(&output, "private: "), "true");
    assert_eq!(page_in(&output).value("rows_total{a=\"x\"}"), Some(3.0));

    let folder = temporary_directory(Medium::Memory);
    let file = folder.path().join("file");
    let output = declarer(&["missing", file.to_str().expect("UTF-8")], &[]);
    assert_eq!(told(&output, "init: "), "true");
    let page = output.split_once("page:\n").expect("a page").1;
    let page = Page::parse(page).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((page.value("some_total"), page.value("later_total")), (Some(3.0), Some(4.0)));

    let directory = folder.path().join("metrics");
    let output = declarer(&["small", directory.to_str().expect("UTF-8")], &[]);
    let number = |what: &str| told(&output, what).parse::<u64>().expect("a number");
    assert!(told(&output, "problem: ").contains("allocate"), "{output}");
    assert!(number("shown: ") > 500, "{output}");
    assert_eq!(number("shown: ") + number("dropped series: "), 5_000);
    assert_eq!(number("dropped series: "), number("dropped operations: "));
}

#[test]
fn of_a_declaration_and_a_compiled_one_that_comes_later_the_one_in_force_stays() {
    // Only declared when the compiled one comes: that one is in force.
    let output = declarer(&["early"], &[("EARLY", "note")]);
    let page = page_in(&output);
    assert_eq!(page.value("contested"), Some(7.0));
    assert!(told(&output, "again: ").contains("different modes"), "{output}");

    // It has counted.
    let output = declarer(&["early"], &[("EARLY", "count")]);
    let page = page_in(&output);
    assert_eq!(page.value("contested"), Some(2.0));
    // With another help text, it is another declaration of the family in force.
    assert_eq!(told(&output, "again: "), "accepted");
    for how in ["note", "count"] {
        let output = declarer(&["early"], &[("EARLY", how)]);
        for what in ["verify: ", "health: "] {
            let told = told(&output, what);
            assert!(told.starts_with("`contested` is declared with different modes"), "{told}");
            assert_eq!(told.matches("declarer.rs:").count(), 2, "{told}");
        }
        assert_eq!(told(&output, "dropped series: "), "1");
    }
}
