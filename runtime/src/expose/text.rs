//! The Prometheus text format, versions 0.0.4 and 1.0.0:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.
//!
//! In version 1.0.0 any text can be a name, and is written in quotes. They differ in nothing else.
//!
//! It writes no created times: as series of their own they would double the page, and no reader of
//! this format looks at them.

use crate::model::{Number, Value};

use super::escaping::Named;
use super::number::decimal;
use super::page::{Page, escape};

pub(super) async fn write(page: &mut Page, families: &[Named<'_>]) {
    for family in families {
        write_family(page, family).await;
    }
}

async fn write_family(page: &mut Page, named: &Named<'_>) {
    let Named { family, name, .. } = named;
    page.begin_family(named);
    page.describe("# HELP ", name, "");
    escape(&mut page.out, &family.help, false);
    page.out.push('\n');
    page.describe("# TYPE ", name, "");
    page.out.push_str(family.kind.in_text());
    page.out.push('\n');
    for series in &family.series {
        match &series.value {
            Value::Counter(Number::Integer(n)) => page.only_whole(name, "", series, *n),
            Value::Counter(Number::Float(n)) | Value::Gauge(n) => {
                page.only_number(name, series, *n, decimal);
            }
            Value::Histogram(histogram) => {
                page.begin(series);
                page.buckets(name, histogram, &[]).await;
                page.number(name, "_sum", histogram.sum, decimal);
                page.whole(name, "_count", histogram.count());
            }
            Value::Summary(summary) => {
                page.begin(series);
                page.number(name, "_sum", summary.sum, decimal);
                page.whole(name, "_count", summary.count);
            }
        }
        if page.is_full() {
            page.hand_on().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;
    use crate::model::{Bucket, HistogramValue, MetricFamily, MetricType, Series};

    fn family(kind: MetricType, labels: &[(&str, &str)], value: Value) -> MetricFamily {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        MetricFamily {
            name: "x".to_owned(),
            help: "two\nlines, a \\ and a \"".to_owned(),
            unit: String::new(),
            kind,
            series: vec![Series::new(labels, value)],
        }
    }

    #[test]
    fn help_and_label_values_are_escaped() {
        let labels = [("a", "q\"b\\n\n"), ("b", "c")];
        let text = Format::Text.page(&[family(MetricType::Gauge, &labels, Value::Gauge(1.0))]);
        assert_eq!(
            text,
            "# HELP x two\\nlines, a \\\\ and a \"\n# TYPE x gauge\nx{a=\"q\\\"b\\\\n\\n\",b=\"c\"} 1\n"
        );
    }

    #[test]
    fn a_histogram_is_buckets_sum_and_count() {
        let buckets = vec![Bucket { le: 0.5, count: 1 }, Bucket { le: f64::INFINITY, count: 3 }];
        let value = Value::Histogram(HistogramValue { buckets, sum: f64::NAN, native: None });
        let text = Format::Text.page(&[family(MetricType::Histogram, &[("a", "b")], value)]);
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
