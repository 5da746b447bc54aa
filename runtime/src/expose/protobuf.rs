//! Prometheus' protobuf: messages `io.prometheus.client.MetricFamily`, each preceded by its length:
//! <https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto>.
//!
//! Written by hand. The format of protobuf is 60 lines (`wire`); the primitives of the crate prost
//! are declared to be internal to it, and everything else there needs a derive macro. A family is
//! never in memory as a whole: if it is large, it is written twice, at first to learn its length.

use core::mem::take;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::{Exemplar, MetricType, NativeBuckets, Series, Value};

use super::escaping::{Escaping, Named, Of};
use super::exemplar::{exemplar_of, ids};
use super::pieces::{Outlet, PIECE};
use super::wire::{Message, length_of_message};

pub(super) async fn write(families: &[Named<'_>], escaping: Escaping, outlet: &Outlet) {
    let mut out = Vec::new();
    let (mut head, mut metrics, mut metric) =
        (Message::default(), Message::default(), Message::default());
    for named in families {
        head.clear();
        head.text(1, &named.name);
        head.text(2, &named.family.help);
        head.integer(3, type_number(named.family.kind));
        if !named.family.unit.is_empty() {
            head.text(5, &named.family.unit);
        }
        metrics.clear();
        let mut length = 0_u64;
        for series in &named.family.series {
            metric.clear();
            write_series(&mut metric, named, series, escaping);
            length = length.saturating_add(length_of_message(4, metric.len()));
            if metrics.bytes().len() < PIECE {
                metrics.nested(4, &metric);
            }
        }
        let mut prefix = Message::default();
        prefix.varint(length.saturating_add(head.len()));
        out.extend_from_slice(prefix.bytes());
        out.extend_from_slice(head.bytes());
        if metrics.len() == length {
            out.extend_from_slice(metrics.bytes());
            if out.len() >= PIECE {
                out = outlet.give(take(&mut out)).await;
            }
            continue;
        }
        for series in &named.family.series {
            metric.clear();
            write_series(&mut metric, named, series, escaping);
            metrics.clear();
            metrics.nested(4, &metric);
            out.extend_from_slice(metrics.bytes());
            if out.len() >= PIECE {
                out = outlet.give(take(&mut out)).await;
            }
        }
    }
    outlet.end(out);
}

/// The number of `MetricType`. There is none for infos and state sets, which are gauges.
fn type_number(kind: MetricType) -> u64 {
    match kind {
        MetricType::Counter => 0,
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => 1,
        MetricType::Summary => 2,
        MetricType::Histogram => 4,
    }
}

/// Writes a message `Metric`.
fn write_series(out: &mut Message, named: &Named<'_>, series: &Series, escaping: Escaping) {
    for (name, value) in &series.labels {
        out.message(1, |label| {
            if named.has_plain_labels {
                label.text(1, name);
            } else {
                label.text(1, &escaping.escaped(name, Of::Label));
            }
            label.text(2, value);
        });
    }
    match &series.value {
        Value::Gauge(value) => out.message(2, |gauge| gauge.double(1, *value)),
        Value::Counter(number) => out.message(3, |counter| {
            counter.double(1, number.as_f64());
            if let Some(exemplar) = series.exemplars.first() {
                write_exemplar(counter, 2, exemplar);
            }
            write_time(counter, 3, series.created);
        }),
        Value::Summary(value) => out.message(4, |summary| {
            summary.integer(1, value.count);
            summary.double(2, value.sum);
            write_time(summary, 4, series.created);
        }),
        Value::Histogram(value) => out.message(7, |histogram| {
            // A reader refuses a native histogram whose buckets don't add up to this.
            let native = value.native.as_ref().filter(|native| native.unplaced == 0);
            let count = native.map_or_else(|| value.count(), NativeBuckets::count);
            histogram.integer(1, count);
            histogram.double(2, value.sum);
            let mut exemplars = &series.exemplars[..];
            for bucket in &value.buckets {
                histogram.message(3, |out| {
                    out.integer(1, bucket.count);
                    out.double(2, bucket.le);
                    if let Some(exemplar) = exemplar_of(&mut exemplars, bucket.le) {
                        write_exemplar(out, 3, exemplar);
                    }
                });
            }
            if let Some(native) = native {
                write_native(histogram, native);
            }
            write_time(histogram, 15, series.created);
            // Once more: a reader of native buckets may not look at the classic ones.
            for exemplar in series.exemplars.iter().filter(|_| native.is_some()) {
                write_exemplar(histogram, 16, exemplar);
            }
        }),
    }
}

/// Writes the fields of a native histogram, behind those of the classic one. Without them it is a
/// classic one, as it has to be if some values are in no bucket.
fn write_native(histogram: &mut Message, native: &NativeBuckets) {
    histogram.signed(5, native.schema.into());
    histogram.double(6, native.zero_threshold);
    histogram.integer(7, native.zero_count);
    // Spans of neighbouring buckets, and each count as the difference to the one before it.
    for (spans, deltas, buckets) in [(9, 10, &native.negative), (12, 13, &native.positive)] {
        let mut end = 0_i32;
        for run in buckets.chunk_by(|(a, _), (b, _)| a.checked_add(1) == Some(*b)) {
            let Some((first, _)) = run.first() else { continue };
            histogram.message(spans, |span| {
                span.signed(1, i64::from(*first).saturating_sub(end.into()));
                span.integer(2, run.len() as u64);
            });
            end = run.last().map_or(end, |(last, _)| last.saturating_add(1));
        }
        let mut before = 0_i64;
        for (_, n) in buckets {
            let n = i64::try_from(*n).unwrap_or(i64::MAX);
            histogram.signed(deltas, n.saturating_sub(before));
            before = n;
        }
    }
    if native.zero_count == 0 && native.positive.is_empty() && native.negative.is_empty() {
        // A reader knows a native histogram by its spans.
        histogram.message(12, |span| {
            span.signed(1, 0);
            span.integer(2, 0);
        });
    }
}

/// Writes a message `Exemplar`.
fn write_exemplar(out: &mut Message, field: u32, exemplar: &Exemplar) {
    out.message(field, |out| {
        for (name, id) in ["trace_id", "span_id"].into_iter().zip(ids(exemplar)) {
            out.message(1, |label| {
                label.text(1, name);
                label.text(2, &id);
            });
        }
        out.double(2, exemplar.value);
        write_time(out, 3, Some(exemplar.time));
    });
}

/// Writes a `google.protobuf.Timestamp`.
fn write_time(out: &mut Message, field: u32, time: Option<SystemTime>) {
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    if let Some(since) = since {
        out.message(field, |out| {
            out.integer(1, since.as_secs());
            out.integer(2, since.subsec_nanos().into());
        });
    }
}
