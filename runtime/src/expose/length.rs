//! An upper bound of the length of a family's lines, in any of the formats. It is computed before
//! they are written, since a file of some megabytes can describe a page of gigabytes.

use crate::model::{HistogramValue, MetricFamily, MetricType, Series, Value};

/// The longest number, and the line feed.
const NUMBER: u64 = 32;
/// What a line may contain besides name, labels and number: a suffix, a bound as a label, a created
/// time.
const BESIDE: u64 = 64;
/// An exemplar with its names: in `OpenMetrics`, in JSON, and twice in protobuf.
const EXEMPLAR: u64 = 256;
/// What a native histogram has beside its buckets in JSON, where it also has quantiles.
const NATIVE: u64 = 768;
/// A bucket of a native histogram: an index and a number.
const NATIVE_BUCKET: u64 = 32;

/// The maximum number of bytes of all lines of the family, estimated slightly too high.
pub(crate) fn most_bytes(family: &MetricFamily) -> u64 {
    with(family, of_name(&family.name), labels)
}

/// The same, estimated several times too high, without looking at any text. Nearly every page is
/// far below its limit, and this shows it for a fraction of what the other estimate costs.
pub(crate) fn roughly_most_bytes(family: &MetricFamily) -> u64 {
    let longest = |bytes: usize| (bytes as u64).saturating_mul(6);
    with(family, longest(family.name.len()), |series| longest(series.labels.bytes_and_labels()))
}

/// `name` is the length of the name in a line, and `labels` returns that of a series' labels.
fn with(family: &MetricFamily, name: u64, labels: impl Fn(&Series) -> u64) -> u64 {
    let text = (family.help.len() as u64).saturating_add(family.unit.len() as u64);
    // An escaped character takes two bytes, in JSON up to six.
    let about =
        text.saturating_mul(6).saturating_add(name.saturating_add(BESIDE).saturating_mul(3));
    // In `OpenMetrics` each name of a family with a weaker type has its own description.
    let about = about.saturating_mul(4);
    family.series.iter().fold(about, |bytes, series| {
        let line = name.saturating_add(labels(series)).saturating_add(BESIDE + NUMBER);
        let lines = line.saturating_mul(lines(family.kind, series));
        bytes.saturating_add(lines).saturating_add(behind_lines(series))
    })
}

/// What a series has beside its lines.
#[inline]
fn behind_lines(series: &Series) -> u64 {
    let native = match &series.value {
        Value::Histogram(HistogramValue { native: Some(native), .. }) => {
            let buckets = native.positive.len().saturating_add(native.negative.len()) as u64;
            buckets.saturating_mul(NATIVE_BUCKET).saturating_add(NATIVE)
        }
        _ => 0,
    };
    (series.exemplars.len() as u64).saturating_mul(EXEMPLAR).saturating_add(native)
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
        // `name="value",`, and in JSON two quotes more.
        bytes.saturating_add(of_name(name)).saturating_add(of_value(value)).saturating_add(6)
    })
}

/// A name with its escapes: `_dot_` is the longest that one byte becomes.
fn of_name(name: &str) -> u64 {
    name.bytes().fold(0, |bytes, byte| {
        bytes
            + match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b':' => 1,
                b'_' => 2,
                _ => 5,
            }
    })
}

fn of_value(value: &str) -> u64 {
    value.bytes().fold(0, |bytes, byte| {
        bytes
            + match byte {
                b'\\' | b'\n' | b'"' => 2,
                // `\u0001`; 0x7f and two bytes, of which one is 0xc2, are control characters too.
                0..0x20 | 0x7f | 0xc2 => 6,
                _ => 1,
            }
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::Format;
    use super::*;
    use crate::model::exemplar::Exemplar;
    use crate::model::{Bucket, LabelSet, NativeBuckets, Snapshot, TraceContext};

    #[test]
    fn no_page_is_longer_with_exemplars_and_native_buckets() {
        // The longest numbers that there are.
        let (value, time) = (-f64::MIN_POSITIVE, Duration::new(u64::from(u32::MAX), 123_456_789));
        let time = SystemTime::UNIX_EPOCH + time;
        let context = TraceContext::new([0xff; 16], [0xff; 8]);
        let exemplar =
            |le: f64| Exemplar { value: if le > 0.0 { value } else { le }, time, context };
        let bounds: Vec<f64> = (1..40).map(|n| f64::from(n) * 1e-7 / 3.0).collect();
        let count = u64::MAX / 64;
        let buckets = bounds.iter().map(|le| Bucket { le: *le, count }).collect();
        let indices = || (-65_536..-65_400).map(|index| (index, u64::MAX)).collect();
        let native = NativeBuckets {
            schema: -4,
            zero_threshold: f64::MIN_POSITIVE,
            zero_count: u64::MAX,
            positive: indices(),
            negative: indices(),
            unplaced: u64::MAX,
        };
        let histogram = HistogramValue { buckets, sum: value, native: Some(native) };
        let mut series = Series::new(LabelSet::default(), Value::Histogram(histogram));
        series.exemplars = bounds.iter().map(|le| exemplar(*le)).collect();
        series.created = Some(time);
        let mut family = MetricFamily::gauge("x", "x");
        (family.kind, family.series) = (MetricType::Histogram, vec![series]);
        let most = most_bytes(&family);
        assert!(roughly_most_bytes(&family) >= most);
        let snapshot = Snapshot { families: vec![family], skipped: Vec::new() };
        for format in
            [Format::Text, Format::Text1, Format::OpenMetrics, Format::Protobuf, Format::Json]
        {
            let mut page = Vec::new();
            snapshot.encode(format, &mut page).unwrap();
            assert!(page.len() as u64 <= most, "{format:?}: {} of {most}", page.len());
        }
    }

    #[test]
    fn the_rough_estimate_is_never_below_the_other() {
        for text in ["", "a", "_", "a.b", "\u{1}\u{7f}\u{80}", "\\\"\n", "ß", "日本"] {
            for labels in [&[][..], &[(text, text)], &[("a", text), (text, "b"), ("__", "__")]] {
                let family = MetricFamily::gauge(text, text).with_series(labels, 1.0);
                assert!(roughly_most_bytes(&family) >= most_bytes(&family), "{text:?} {labels:?}");
            }
        }
    }
}
