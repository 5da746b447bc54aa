//! What Python's files declare: a catalogue lists it, and dashboards and rules are made of it.

use headcount::{Collector, Declaration, GaugeMode, MetricType, dynamic};
use headcount_tests::{Medium, temporary_directory};

use crate::files::{File, counter};
use crate::together::own_directory;

#[test]
fn a_catalogue_has_the_families_of_pythons_files() {
    let directory = temporary_directory(Medium::Memory);
    counter("jobs", 3.0).write(directory.path().join("counter_1.db"));
    File::today()
        .with(r#"["size", "size_sum", {"of": "a"}, "Sizes."]"#, 3.0)
        .with(r#"["size", "size_bucket", {"of": "a", "le": "1.0"}, "Sizes."]"#, 1.0)
        .with(r#"["size", "size_bucket", {"of": "a", "le": "+Inf"}, "Sizes."]"#, 1.0)
        .write(directory.path().join("histogram_1.db"));
    File::today()
        .with(r#"["depth", "depth", {"queue": "mail"}, "Depth."]"#, 3.0)
        .write(directory.path().join("gauge_livesum_1.db"));
    let collector = Collector::from_directory(directory.path());
    let declared = collector.declarations().unwrap();
    let short = |d: &Declaration| {
        (d.name.clone(), d.kind, d.mode, d.help.clone(), d.labels.join(","), d.buckets.clone())
    };
    let expected = |name: &str, kind, mode, help: &str, labels: &str, buckets: &[f64]| {
        (name.to_owned(), kind, mode, help.to_owned(), labels.to_owned(), buckets.to_vec())
    };
    assert_eq!(
        declared.iter().map(short).collect::<Vec<_>>(),
        [
            expected("depth", MetricType::Gauge, Some(GaugeMode::LiveSum), "Depth.", "queue", &[]),
            expected("jobs_total", MetricType::Counter, None, "Help of jobs.", "", &[]),
            expected("size", MetricType::Histogram, None, "Sizes.", "of", &[1.0]),
        ]
    );
    assert!(collector.python_files(false).declarations().unwrap().is_empty());
}

#[test]
fn what_both_declare_alike_is_one_declaration_with_a_place() {
    let directory = own_directory();
    dynamic::counter("declared_c_total", "Help of declared_c.").register().unwrap().inc();
    counter("declared_c", 3.0).write(directory.join("counter_77.db"));
    let declared = Collector::new().declarations().unwrap();
    let of: Vec<_> = declared.iter().filter(|d| d.name == "declared_c_total").collect();
    assert!(of.len() == 1 && of[0].line > 0, "{of:?}");
}
