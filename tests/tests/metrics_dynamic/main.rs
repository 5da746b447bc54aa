//! Metrics that are declared at run time: what is accepted and what is refused, how they count, and
//! what forks, full segments and compiled declarations do to them.

#![expect(clippy::float_cmp, reason = "counts are exact")]

mod names;
mod processes;
mod read_back;
mod refused;
mod versions;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use headcount::{Collector, Counter, Error, Gauge, GaugeMode, LabelValue, Value, dynamic, metric};
use headcount_tests::native::index;
use headcount_tests::page::Page;

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
fn native_histograms_have_their_buckets_whoever_observes() -> Result<(), Error> {
    let declare = || dynamic::histogram("native_bytes", "Sizes.").native(4).labels(["of"]);
    let family = declare().register_family()?;
    let one = family.with_label_values(&["one"]);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (1..=100).for_each(|n| one.observe(n)));
        }
    });
    // The same again is the same family.
    declare().register_family()?.with_label_values(&["one"]).observe(-3);
    let snapshot = Collector::new().collect()?;
    assert!(snapshot.skipped().is_empty(), "{:?}", snapshot.skipped());
    let found = snapshot.families().iter().find(|family| family.name == "native_bytes");
    let Value::Histogram(found) = &found.expect("it is declared").series[0].value else {
        panic!("it is a histogram")
    };
    let native = found.native.as_ref().expect("it is native");
    let mut expected = BTreeMap::<i32, u64>::new();
    for n in 1..=100 {
        *expected.entry(index(4, f64::from(n))).or_default() += 2;
    }
    assert_eq!(native.positive, expected.into_iter().collect::<Vec<_>>());
    assert_eq!(native.negative, [(index(4, 3.0), 1)]);
    assert_eq!((native.schema, found.count(), found.sum), (4, 201, 10_097.0));
    assert_eq!((one.count(), one.sum()), (201, 10_097.0));
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

#[test]
fn a_counter_can_be_raised_to_a_total_that_something_else_keeps() -> Result<(), Error> {
    let total = dynamic::counter("raised_total", "Raised.").register()?;
    for (to, expected) in [(10, 10.0), (7, 10.0), (12, 12.0)] {
        total.raise_to(to);
        assert_eq!(page().value("raised_total"), Some(expected));
    }
    // Whatever was added counts as well, in any thread.
    total.inc_by(5);
    thread::spawn(move || total.inc_by(3)).join().expect("no panic");
    total.raise_to(19);
    assert_eq!(page().value("raised_total"), Some(20.0));
    total.raise_to(30);
    assert_eq!(page().value("raised_total"), Some(30.0));
    Ok(())
}
