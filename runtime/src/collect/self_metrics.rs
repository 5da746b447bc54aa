//! The collector's own metrics, `headcount_*`.

use std::time::Duration;

use crate::model::{LabelSet, MetricFamily, MetricType, Number, Series, Value};
use crate::reader::segment::Segment;
use crate::scan::{Scan, Settled};

/// Returns the collector's own families. `is_shared`: whether other processes see what this process
/// counts. `took`: how long reading and merging took.
pub(super) fn about(scan: &Scan, is_shared: bool, took: Duration) -> Vec<MetricFamily> {
    let living = scan.parts.iter().filter(|part| part.is_alive()).count();
    let sum = |of: fn(&Segment) -> u64| {
        scan.parts.iter().fold(0_u64, |sum, part| sum.saturating_add(of(&part.segment)))
    };
    let reasons = [
        "conflict",
        "corrupt",
        "foreign",
        "invalid",
        "io",
        "limit",
        "not_a_segment",
        "set_aside",
        "version",
    ];
    let skipped = reasons.map(|reason| {
        let told = scan.skipped.iter().filter(|e| e.reason() == reason).count();
        (("reason", reason), count(if reason == "set_aside" { scan.set_aside } else { told }))
    });
    let archive = scan.archive();
    let settled = |of: fn(&Settled) -> u64| scan.settled.as_ref().map_or(0, |settled| of(settled));
    let [dropped_operations, cut, dropped_series] = [
        sum(|s| s.dropped_operations)
            .saturating_add(settled(|s| s.dropped_operations))
            .saturating_add(archive.dropped_operations),
        sum(|s| s.cut_label_values)
            .saturating_add(settled(|s| s.cut_label_values))
            .saturating_add(archive.cut_label_values),
        sum(|s| s.dropped_series).saturating_add(settled(|s| s.dropped_series)),
    ];
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let [generation, archived, dropped_series] =
        [archive.generation, archive.segments, dropped_series].map(|n| n as f64);
    let mut build = family(
        "headcount_build_info",
        "Version of the library that made this exposition.",
        [(("version", env!("CARGO_PKG_VERSION")), 1.0)],
    );
    build.kind = MetricType::Info;
    vec![
        build,
        family(
            "headcount_archive_generation",
            "How often dead processes' segments were compacted into the archive.",
            [(("", ""), generation)],
        ),
        family(
            "headcount_archived_processes",
            "Processes whose segments are in the archive.",
            [(("", ""), archived)],
        ),
        counter(
            "headcount_cut_label_values_total",
            "Label values that were longer than 1024 bytes, and were cut there.",
            cut,
        ),
        counter(
            "headcount_dropped_operations_total",
            "Operations that were not recorded, because there was no space or the value was invalid.",
            dropped_operations,
        ),
        family(
            "headcount_dropped_series",
            "Series that could not be registered, because there was no space.",
            [(("", ""), dropped_series)],
        ),
        family(
            "headcount_files_skipped",
            "Files and declarations that were left out of this exposition, by reason.",
            skipped,
        ),
        family(
            "headcount_processes",
            "Processes whose segments were read, without those in the archive.",
            [
                (("state", "dead"), count(scan.parts.len() - living + scan.settled())),
                (("state", "live"), count(living)),
            ],
        ),
        family(
            "headcount_scrape_duration_seconds",
            "How long it took to read and merge everything.",
            [(("", ""), took.as_secs_f64())],
        ),
        family(
            "headcount_shared",
            "Whether the process that made this exposition shares what it counts: 1, or 0 if it \
             counts for itself alone.",
            [(("", ""), f64::from(u8::from(is_shared)))],
        ),
    ]
}

/// A counter. It may fall only if [`clean`](super::Collector::clean) removes the counts of dead
/// processes.
fn counter(name: &str, help: &str, value: u64) -> MetricFamily {
    let mut counter = family(name, help, []);
    counter.kind = MetricType::Counter;
    let value = Value::Counter(Number::Integer(value));
    counter.series.push(Series::new(LabelSet::default(), value));
    counter
}

#[expect(clippy::cast_precision_loss, reason = "no more than files in a directory")]
fn count(n: usize) -> f64 {
    n as f64
}

fn family<const N: usize>(
    name: &str,
    help: &str,
    values: [((&str, &str), f64); N],
) -> MetricFamily {
    let series = values.into_iter().map(|((label, value), number)| {
        // Without a value, there is no label.
        Series::new(LabelSet::from_iter([(label, value)]), Value::Gauge(number))
    });
    MetricFamily {
        name: name.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
        kind: MetricType::Gauge,
        series: series.collect(),
    }
}
