//! The Prometheus text format, version 0.0.4:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.
//!
//! Without created times: as series of their own they would double the page, and no reader of this format looks at them.

use core::fmt::Write;

use super::number::Decimal;
use super::sample::{Escaped, Sample};
use crate::collect::{Family, FamilyKind, Number, Value};

pub(crate) fn text(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families.iter().filter(|family| !family.series.is_empty()) {
        // Writing to a string can't fail.
        let _ = write_family(&mut out, family);
    }
    out
}

fn write_family(out: &mut String, family: &Family) -> core::fmt::Result {
    let name = &family.name;
    writeln!(out, "# HELP {name} {}", Escaped { text: &family.help, quotes: false })?;
    let kind = match family.kind {
        FamilyKind::Counter => "counter",
        // The format has no word for the latter two.
        FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => "gauge",
        FamilyKind::Histogram => "histogram",
        FamilyKind::Summary => "summary",
    };
    writeln!(out, "# TYPE {name} {kind}")?;
    for series in &family.series {
        let sample = |suffix| Sample::of(name, suffix, series);
        match &series.value {
            Value::Counter(Number::Integer(n)) => sample("").write(out, n)?,
            Value::Counter(Number::Float(n)) | Value::Gauge(n) => {
                sample("").write(out, Decimal(*n))?;
            }
            Value::Histogram(histogram) => {
                for bucket in &histogram.buckets {
                    let le = Some(bucket.le);
                    Sample { le, ..sample("_bucket") }.write(out, bucket.count)?;
                }
                sample("_sum").write(out, Decimal(histogram.sum))?;
                sample("_count").write(out, histogram.count())?;
            }
            Value::Summary(summary) => {
                sample("_sum").write(out, Decimal(summary.sum))?;
                sample("_count").write(out, summary.count)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::{Bucket, HistogramValue, Series};

    fn family(kind: FamilyKind, labels: &[(&str, &str)], value: Value) -> Family {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Family {
            name: "x".to_owned(),
            help: "two\nlines, a \\ and a \"".to_owned(),
            unit: String::new(),
            kind,
            series: vec![Series { labels, value, created: None }],
        }
    }

    #[test]
    fn help_and_label_values_are_escaped() {
        let labels = [("a", "q\"b\\n\n"), ("b", "")];
        let text = text(&[family(FamilyKind::Gauge, &labels, Value::Gauge(1.0))]);
        assert_eq!(
            text,
            "# HELP x two\\nlines, a \\\\ and a \"\n# TYPE x gauge\nx{a=\"q\\\"b\\\\n\\n\",b=\"\"} 1\n"
        );
    }

    #[test]
    fn a_histogram_is_buckets_sum_and_count() {
        let buckets = vec![Bucket { le: 0.5, count: 1 }, Bucket { le: f64::INFINITY, count: 3 }];
        let value = Value::Histogram(HistogramValue { buckets, sum: f64::NAN });
        let text = text(&[family(FamilyKind::Histogram, &[("a", "b")], value)]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "x_bucket{a=\"b\",le=\"0.5\"} 1",
                "x_bucket{a=\"b\",le=\"+Inf\"} 3",
                "x_sum{a=\"b\"} NaN",
                "x_count{a=\"b\"} 3"
            ]
        );
    }
}
