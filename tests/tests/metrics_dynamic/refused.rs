//! Declarations that are refused: by the rules of the macros, and because they contradict others.

use std::panic::Location;
use std::time::Duration;

use headcount::{Error, GaugeMode, dynamic};
use headcount_tests::child::reported;

use crate::processes::{declarer, page_in};
use crate::{COMPILED_DEPTH, compiled, page};

/// The error, which names the metric, the rule, and the place: the caller's file.
#[track_caller]
pub(crate) fn refuses<T>(name: &str, registered: Result<T, Error>, says: &str) {
    let Err(error) = registered else { panic!("`{name}` is accepted") };
    let message = error.to_string();
    assert!(error.is_invalid() && error.reason() == "invalid", "{message}");
    let begins = format!("`{name}` can't be declared at ");
    assert!(message.starts_with(&begins), "{message}");
    assert!(message.contains(Location::caller().file()), "{message}");
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
    for schema in [6, u8::MAX] {
        let sizes = dynamic::histogram("some_sizes", "Help.").native(schema).register();
        refuses("some_sizes", sizes, "a schema is a number from 0 to 5");
    }
    for both in [
        dynamic::histogram("some_sizes", "Help.").native(3).buckets([1.0]),
        dynamic::histogram("some_sizes", "Help.").buckets([1.0]).native(3),
    ] {
        refuses("some_sizes", both.register(), "a native histogram has buckets of its own");
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

/// The error, which lists both places: lines of this file.
#[track_caller]
fn contradicts<T>(registered: Result<T, Error>, says: &str) {
    let Err(error) = registered else { panic!("it is accepted") };
    let message = error.to_string();
    assert!(error.is_conflict() && error.reason() == "conflict", "{message}");
    assert!(message.contains(says), "{message}");
    assert_eq!(message.matches("metrics_dynamic/").count(), 2, "{message}");
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
    let native = dynamic::histogram("twice_sizes", "Sizes.").native(3);
    contradicts(native.register(), "different buckets");
    let _ = dynamic::histogram("twice_bytes", "Sizes.").native(3).register()?;
    let finer = dynamic::histogram("twice_bytes", "Sizes.").native(4);
    contradicts(finer.register(), "different native schemas");

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
fn a_wrong_number_of_values_counts_nothing_and_is_reported() {
    // In a process of its own: `health` reports the first problem only.
    let output = declarer(&["misuse"], &[]);
    assert!(
        reported(&output, "problem: ")
            .contains("`rows_total` has 2 labels, and was given 1 value at "),
        "{output}"
    );
    assert!(reported(&output, "problem: ").contains("declarer.rs:"), "{output}");
    assert!(reported(&output, "error: ").contains("was given 3 values at "), "{output}");
    assert_eq!(reported(&output, "dropped operations: "), "2");
    let page = page_in(&output);
    assert_eq!(page.samples.keys().filter(|name| name.starts_with("rows_total")).count(), 1);
}
