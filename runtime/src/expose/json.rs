//! JSON, for tools: what a snapshot holds, with names as they are.

use core::fmt::Write;
use std::time::UNIX_EPOCH;

use crate::model::{
    Exemplar, HistogramValue, MetricFamily, NativeBuckets, Number, Series, Snapshot, Value,
};

use super::exemplar::ids;
use super::number::{decimal, integer};
use super::page::Page;

pub(super) async fn write(page: &mut Page, families: &[&MetricFamily], snapshot: &Snapshot) {
    page.out.push_str("{\"families\":[");
    let with_series = families.iter().filter(|family| !family.series.is_empty());
    for (at, family) in with_series.enumerate() {
        separate(&mut page.out, at);
        write_family(page, family).await;
    }
    page.out.push_str("],\"skipped\":[");
    for (at, skipped) in snapshot.skipped().iter().enumerate() {
        separate(&mut page.out, at);
        page.out.push('{');
        member(&mut page.out, "reason", skipped.reason());
        if let Some(path) = skipped.path() {
            page.out.push(',');
            member(&mut page.out, "path", &path.display().to_string());
        }
        page.out.push(',');
        member(&mut page.out, "message", &skipped.to_string());
        page.out.push('}');
        if page.is_full() {
            page.hand_on().await;
        }
    }
    page.out.push_str("]}\n");
}

async fn write_family(page: &mut Page, family: &MetricFamily) {
    let out = &mut page.out;
    out.push('{');
    member(out, "name", &family.name);
    out.push(',');
    member(out, "type", &family.kind.to_string());
    out.push(',');
    member(out, "help", &family.help);
    if !family.unit.is_empty() {
        out.push(',');
        member(out, "unit", &family.unit);
    }
    out.push_str(",\"series\":[");
    for (at, series) in family.series.iter().enumerate() {
        separate(&mut page.out, at);
        write_series(page, series).await;
        if page.is_full() {
            page.hand_on().await;
        }
    }
    page.out.push_str("]}");
}

async fn write_series(page: &mut Page, series: &Series) {
    let out = &mut page.out;
    out.push_str("{\"labels\":{");
    for (at, (name, value)) in series.labels.iter().enumerate() {
        separate(out, at);
        member(out, name, value);
    }
    out.push('}');
    match &series.value {
        Value::Counter(Number::Integer(n)) => {
            out.push_str(",\"value\":");
            integer(out, *n);
        }
        Value::Counter(Number::Float(n)) | Value::Gauge(n) => {
            out.push_str(",\"value\":");
            number(out, *n);
        }
        Value::Summary(summary) => write_sum(out, summary.count, summary.sum),
        Value::Histogram(histogram) => {
            write_sum(out, histogram.count(), histogram.sum);
            out.push_str(",\"buckets\":[");
            for (at, bucket) in histogram.buckets.iter().enumerate() {
                separate(&mut page.out, at);
                if page.is_full() {
                    page.hand_on().await;
                }
                page.out.push_str("{\"le\":");
                number(&mut page.out, bucket.le);
                page.out.push_str(",\"count\":");
                integer(&mut page.out, bucket.count);
                page.out.push('}');
            }
            page.out.push(']');
            if let Some(native) = &histogram.native {
                write_native(page, native);
                write_quantiles(&mut page.out, histogram);
            }
        }
    }
    let created = series.created.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    if let Some(since) = created {
        page.out.push_str(",\"created\":");
        number(&mut page.out, since.as_secs_f64());
    }
    if !series.exemplars.is_empty() {
        write_exemplars(page, &series.exemplars);
    }
    page.out.push('}');
}

fn write_exemplars(page: &mut Page, exemplars: &[Exemplar]) {
    let out = &mut page.out;
    out.push_str(",\"exemplars\":[");
    for (at, exemplar) in exemplars.iter().enumerate() {
        separate(out, at);
        let [trace, span] = ids(exemplar);
        out.push('{');
        member(out, "trace_id", &trace);
        out.push(',');
        member(out, "span_id", &span);
        out.push_str(",\"value\":");
        number(out, exemplar.value);
        if let Ok(since) = exemplar.time.duration_since(UNIX_EPOCH) {
            out.push_str(",\"time\":");
            number(out, since.as_secs_f64());
        }
        out.push('}');
    }
    out.push(']');
}

/// Writes the buckets of a native histogram: each is a pair of its index and its count.
fn write_native(page: &mut Page, native: &NativeBuckets) {
    // Writing to a string cannot fail.
    let _ = write!(page.out, ",\"native\":{{\"schema\":{},\"zero_threshold\":", native.schema);
    number(&mut page.out, native.zero_threshold);
    let _ = write!(page.out, ",\"zero_count\":{}", native.zero_count);
    let _ = write!(page.out, ",\"unplaced\":{}", native.unplaced);
    for (name, buckets) in [("positive", &native.positive), ("negative", &native.negative)] {
        let _ = write!(page.out, ",\"{name}\":[");
        for (at, (index, n)) in buckets.iter().enumerate() {
            separate(&mut page.out, at);
            let _ = write!(page.out, "[{index},{n}]");
        }
        page.out.push(']');
    }
    page.out.push('}');
}

/// Writes quantiles, each with the interval in which the true one lies. Classic buckets have all
/// that is known of theirs; of native ones, a reader would need the bounds.
fn write_quantiles(out: &mut String, histogram: &HistogramValue) {
    let found = [0.5, 0.9, 0.99].map(|q| Some((q, histogram.quantile(q)?)));
    out.push_str(",\"quantiles\":[");
    for (at, (q, found)) in found.into_iter().flatten().enumerate() {
        separate(out, at);
        for (name, n) in
            [("{\"quantile\":", q), (",\"value\":", found.value), (",\"low\":", found.low)]
        {
            out.push_str(name);
            number(out, n);
        }
        out.push_str(",\"high\":");
        number(out, found.high);
        out.push('}');
    }
    out.push(']');
}

fn write_sum(out: &mut String, count: u64, sum: f64) {
    out.push_str(",\"count\":");
    integer(out, count);
    out.push_str(",\"sum\":");
    number(out, sum);
}

/// Writes a comma, unless it is the first.
pub(crate) fn separate(out: &mut String, at: usize) {
    if at > 0 {
        out.push(',');
    }
}

/// Writes a member of an object whose value is text.
pub(crate) fn member(out: &mut String, name: &str, value: &str) {
    text(out, name);
    out.push(':');
    text(out, value);
}

/// Writes a number. JSON has none that are not finite: they are the same words as in the text
/// format, in quotes.
pub(crate) fn number(out: &mut String, number: f64) {
    if number.is_finite() {
        decimal(out, number);
    } else {
        out.push('"');
        decimal(out, number);
        out.push('"');
    }
}

/// Writes text in quotes.
pub(crate) fn text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // Also those that a terminal obeys.
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
