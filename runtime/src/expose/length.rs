//! An upper bound of the length of a family's lines, in any of the formats. It is computed before
//! they are written, since a file of some megabytes can describe a page of gigabytes.

use crate::model::{MetricFamily, MetricType, Series, Value};

/// The longest number, and the line feed.
const NUMBER: u64 = 32;
/// What a line may contain besides name, labels and number: a suffix, a bound as a label, a created
/// time.
const BESIDE: u64 = 64;

/// The maximum number of bytes of all lines of the family, estimated slightly too high.
pub(crate) fn most_bytes(family: &MetricFamily) -> u64 {
    let name = family.name.len() as u64;
    let text = (family.help.len() as u64).saturating_add(family.unit.len() as u64);
    // An escaped character takes two bytes.
    let about =
        text.saturating_mul(2).saturating_add(name.saturating_add(BESIDE).saturating_mul(3));
    // In `OpenMetrics` each name of a family with a weaker type has its own description.
    let about = about.saturating_mul(4);
    family.series.iter().fold(about, |bytes, series| {
        let line = name.saturating_add(labels(series)).saturating_add(BESIDE + NUMBER);
        bytes.saturating_add(line.saturating_mul(lines(family.kind, series)))
    })
}

fn lines(kind: MetricType, series: &Series) -> u64 {
    match &series.value {
        Value::Histogram(histogram) => (histogram.buckets.len() as u64).saturating_add(3),
        Value::Summary(_) => 3,
        _ if kind == MetricType::Counter => 2,
        _ => 1,
    }
}

fn labels(series: &Series) -> u64 {
    series.labels.iter().fold(0, |bytes, (name, value)| {
        let is_escaped = |byte: &&u8| matches!(**byte, b'\\' | b'\n' | b'"');
        let escapes = value.as_bytes().iter().filter(is_escaped).count();
        // `name="value",`
        bytes + (name.len() + value.len() + escapes) as u64 + 4
    })
}
