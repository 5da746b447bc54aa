//! Names, labels and help texts of families that are declared at run time.

use headcount::{Collector, Error, GaugeMode, MetricType, dynamic};
use headcount_tests::page::Page;

use crate::page;
use crate::refused::refuses;

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
    // It is refused only where the page adds it.
    let label = dynamic::counter("foreign_total", "").labels(["le"]).foreign().register_family();
    assert!(label.is_ok());
    let label = dynamic::histogram("foreign_histogram", "").buckets([1.0]).labels(["le"]).foreign();
    refuses("foreign_histogram", label.register_family(), "the label `le` is reserved");
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
    assert!(declared.file.ends_with("metrics_dynamic/names.rs") && declared.line > 0, "{declared}");
    Ok(())
}
