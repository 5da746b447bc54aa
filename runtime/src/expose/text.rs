//! The Prometheus text format, version 0.0.4:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use core::fmt::Write;

use crate::collect::{Family, FamilyKind, Number, Series, Value};

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
        match &series.value {
            Value::Counter(Number::Integer(n)) => {
                write_labels(out, name, series, None)?;
                writeln!(out, "{n}")?;
            }
            Value::Counter(Number::Float(n)) | Value::Gauge(n) => {
                write_labels(out, name, series, None)?;
                writeln!(out, "{}", Decimal(*n))?;
            }
            Value::Histogram(histogram) => {
                for bucket in &histogram.buckets {
                    write_labels(out, &format!("{name}_bucket"), series, Some(bucket.le))?;
                    writeln!(out, "{}", bucket.count)?;
                }
                write_sum_and_count(out, name, series, histogram.sum, histogram.count())?;
            }
            Value::Summary(summary) => {
                write_sum_and_count(out, name, series, summary.sum, summary.count)?;
            }
        }
    }
    Ok(())
}

fn write_sum_and_count(
    out: &mut String,
    name: &str,
    series: &Series,
    sum: f64,
    count: u64,
) -> core::fmt::Result {
    write_labels(out, &format!("{name}_sum"), series, None)?;
    writeln!(out, "{}", Decimal(sum))?;
    write_labels(out, &format!("{name}_count"), series, None)?;
    writeln!(out, "{count}")
}

/// Name and labels, and the space before the value.
fn write_labels(
    out: &mut String,
    name: &str,
    series: &Series,
    le: Option<f64>,
) -> core::fmt::Result {
    out.push_str(name);
    let mut separator = '{';
    for (label, value) in &series.labels {
        write!(out, "{separator}{label}=\"{}\"", Escaped { text: value, quotes: true })?;
        separator = ',';
    }
    if let Some(le) = le {
        write!(out, "{separator}le=\"{}\"", Bound(le))?;
        separator = ',';
    }
    out.push_str(if separator == ',' { "} " } else { " " });
    Ok(())
}

/// Backslashes and line feeds, and in label values quotes.
struct Escaped<'a> {
    text: &'a str,
    quotes: bool,
}

impl core::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut rest = self.text;
        while let Some(at) = rest.find(|c| matches!(c, '\\' | '\n') || (c == '"' && self.quotes)) {
            let (plain, from) = rest.split_at(at);
            f.write_str(plain)?;
            f.write_str(match from.as_bytes().first() {
                Some(b'\n') => "\\n",
                Some(b'"') => "\\\"",
                _ => "\\\\",
            })?;
            rest = from.get(1..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

/// The shortest decimal that reads back as the same number, in the format's words for what is no number.
struct Decimal(f64);

impl core::fmt::Display for Decimal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let size = self.0.abs();
        if self.0.is_nan() {
            f.write_str("NaN")
        } else if self.0 == f64::INFINITY {
            f.write_str("+Inf")
        } else if self.0 == f64::NEG_INFINITY {
            f.write_str("-Inf")
        } else if size != 0.0 && !(1e-5..1e16).contains(&size) {
            // Hundreds of digits otherwise.
            write!(f, "{:e}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// A bucket's bound: as the Python client and `OpenMetrics` have it, with a point also in whole numbers, so that both kinds of
/// processes agree on the label.
struct Bound(f64);

impl core::fmt::Display for Bound {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0.fract() == 0.0 && self.0.abs() < 1e6 {
            write!(f, "{:.1}", self.0)
        } else if self.0.is_finite() && self.0 >= 1e6 {
            // Go's form: two digits at least in the exponent.
            let text = format!("{:e}", self.0);
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            write!(f, "{digits}e+{exponent:0>2}")
        } else {
            write!(f, "{}", Decimal(self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::{Bucket, HistogramValue};

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (4.5, "4.5"),
            (1e15, "1000000000000000"),
            (1e300, "1e300"),
            (1e-7, "1e-7"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Decimal(value).to_string(), expected);
        }
    }

    #[test]
    fn bounds_are_written_as_python_writes_them() {
        for (value, expected) in [
            (0.005, "0.005"),
            (1.0, "1.0"),
            (10.0, "10.0"),
            (1e6, "1e+06"),
            (2e7, "2e+07"),
            (1_234_567.0, "1.234567e+06"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(Bound(value).to_string(), expected);
        }
    }

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
