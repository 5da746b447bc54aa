//! The JSON that the page asks for: everything that it shows, as of now.
//!
//! ```text
//! {"v":1, "now":<seconds>, "took":<seconds>, "version":"..", "pid":1, "directory":"..",
//!  "metrics":"/metrics",
//!  "problems":{"list":[{"level":"error", "title":"..", "where":"..", "detail":"..", "remedy":"..",
//!              "command":"..", "since":<seconds>}], "left_out":0},
//!  "processes":{"states":{"live":2}, "list":[{"instance":"..", "pid":1, "uid":0, "state":"live",
//!               "why":"..", "since":<seconds>, "series":1, "bytes":1, "drops":0, "cpu":<seconds>,
//!               "memory":<bytes>, "threads":1, "stopped":false}], "left_out":0},
//!  "families":[{"name":"..", "type":"histogram", "help":"..", "unit":"..", "count":<series>,
//!               "bounds":[0.1], "series":[[["label","value"], <value>]]}],
//!  "left_out":{"families":0, "series":0}}
//! ```
//!
//! The value of a histogram is `[count, sum, [values in each bucket]]`; the one of a summary is
//! `[count, sum]`. A histogram may have bounds of its own behind that, else `null`. Then a native
//! one has its schema, the zero bucket's threshold and count, the values without a bucket, and the
//! buckets of positive and of negative values, as in `NativeBuckets`:
//! `[schema, threshold, zero, unplaced, [index, count, ..], [index, count, ..]]`.
//!
//! The reply is complete each time: a page that was opened in between needs no session, and nothing
//! can get out of step. It is bounded, whatever a directory contains.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Instant, SystemTime};

use crate::collect::{Collector, SegmentInfo};
use crate::error::Error;
use crate::expose::json;
use crate::model::instance::InstanceId;
use crate::model::{HistogramValue, MetricFamily, NativeBuckets, Series, Snapshot, Value};

use super::page_problems::{FirstSeen, Problems, seconds};

/// The bytes that families may take.
const MOST_BYTES: usize = 8 << 20;
/// The processes that are listed: the live ones first.
const MOST_PROCESSES: usize = 2_000;

/// Collects, and writes the state: of all processes, or of one of them.
pub(super) fn write(
    collector: &Collector,
    metrics_path: &str,
    process: Option<InstanceId>,
    seen: &mut FirstSeen,
) -> Result<Vec<u8>, Error> {
    let now = SystemTime::now();
    let began = Instant::now();
    let snapshot = collector.collect()?;
    let took = began.elapsed();
    let segments = collector.segments()?;
    let of_one = process.map(|instance| collector.collect_process(instance)).transpose()?;
    let directory = collector.open_directory()?;
    let directory = directory.as_ref().map(|directory| directory.path().to_owned());
    let mut out = String::with_capacity(64 << 10);
    out.push_str("{\"v\":1,\"now\":");
    json::number(&mut out, seconds(now));
    out.push_str(",\"took\":");
    json::number(&mut out, took.as_secs_f64());
    // Writing to a string cannot fail.
    let _ = write!(out, ",\"pid\":{},", std::process::id());
    let shown = directory.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    for (name, value) in
        [("version", env!("CARGO_PKG_VERSION")), ("directory", &shown), ("metrics", metrics_path)]
    {
        json::member(&mut out, name, value);
        out.push(',');
    }
    out.push_str("\"problems\":");
    let is_used = collector.is_used()?;
    Problems::of(directory.as_deref(), is_used, &snapshot, &segments).write(&mut out, now, seen);
    out.push_str(",\"processes\":");
    write_processes(&mut out, &segments);
    write_families(&mut out, of_one.as_ref().unwrap_or(&snapshot));
    out.push('}');
    Ok(out.into_bytes())
}

fn write_processes(out: &mut String, segments: &[SegmentInfo]) {
    let mut states = BTreeMap::<String, usize>::new();
    for segment in segments {
        *states.entry(segment.state().to_string()).or_default() += 1;
    }
    out.push_str("{\"states\":{");
    for (at, (state, count)) in states.iter().enumerate() {
        json::separate(out, at);
        let _ = write!(out, "\"{state}\":{count}");
    }
    out.push_str("},\"list\":[");
    let live_first = [true, false]
        .into_iter()
        .flat_map(|is_live| segments.iter().filter(move |segment| segment.is_live() == is_live));
    for (at, segment) in live_first.take(MOST_PROCESSES).enumerate() {
        json::separate(out, at);
        write_process(out, segment);
    }
    let left_out = segments.len().saturating_sub(MOST_PROCESSES);
    let _ = write!(out, "],\"left_out\":{left_out}}}");
}

fn write_process(out: &mut String, segment: &SegmentInfo) {
    out.push('{');
    json::member(out, "state", &segment.state().to_string());
    out.push(',');
    // A file that cannot be read has no instance.
    let instance = segment.instance().unwrap_or_else(|| segment.file_name().to_owned());
    json::member(out, "instance", &instance);
    out.push(',');
    let why = segment.error().map_or_else(|| segment.why().to_owned(), ToString::to_string);
    json::member(out, "why", &why);
    for (name, number) in [("pid", segment.pid()), ("uid", segment.uid())] {
        if let Some(number) = number {
            let _ = write!(out, ",\"{name}\":{number}");
        }
    }
    let (series, bytes) = (segment.series(), segment.bytes());
    let drops = segment.dropped_operations();
    let _ = write!(out, ",\"series\":{series},\"bytes\":{bytes},\"drops\":{drops}");
    if let Some(created) = segment.created() {
        out.push_str(",\"since\":");
        json::number(out, seconds(created));
    }
    #[cfg(feature = "process")]
    if let Some(glance) = segment.glance() {
        out.push_str(",\"cpu\":");
        json::number(out, std::time::Duration::from_nanos(glance.cpu_ns).as_secs_f64());
        let (memory, threads) = (glance.resident_bytes, glance.threads);
        let _ = write!(out, ",\"memory\":{memory},\"threads\":{threads}");
        let _ = write!(out, ",\"stopped\":{}", glance.is_stopped);
    }
    out.push('}');
}

fn write_families(out: &mut String, snapshot: &Snapshot) {
    let limit = out.len().saturating_add(MOST_BYTES);
    let (mut families, mut series) = (0_usize, 0_usize);
    out.push_str(",\"families\":[");
    let mut is_first = true;
    for family in snapshot.families() {
        let begin = out.len();
        if !is_first {
            out.push(',');
        }
        let left_out = write_family(out, family, limit);
        if out.len() > limit {
            // Its texts alone are too long.
            out.truncate(begin);
            families = families.saturating_add(1);
        } else {
            is_first = false;
        }
        series = series.saturating_add(left_out);
    }
    let _ = write!(out, "],\"left_out\":{{\"families\":{families},\"series\":{series}}}");
}

/// Returns the number of series that are left out.
fn write_family(out: &mut String, family: &MetricFamily, limit: usize) -> usize {
    out.push('{');
    let kind = family.kind.to_string();
    for (name, value) in
        [("name", &*family.name), ("type", &kind), ("help", &family.help), ("unit", &family.unit)]
    {
        json::member(out, name, value);
        out.push(',');
    }
    let _ = write!(out, "\"count\":{}", family.series.len());
    let histogram = family.series.iter().find_map(|series| match &series.value {
        Value::Histogram(histogram) => Some(histogram),
        _ => None,
    });
    if let Some(histogram) = histogram {
        out.push_str(",\"bounds\":");
        write_bounds(out, histogram);
    }
    out.push_str(",\"series\":[");
    let mut written = 0;
    for series in &family.series {
        let begin = out.len();
        json::separate(out, written);
        write_series(out, series, histogram);
        // For the brackets that follow.
        if out.len().saturating_add(2) > limit {
            out.truncate(begin);
            break;
        }
        written = written.saturating_add(1);
    }
    out.push_str("]}");
    family.series.len().saturating_sub(written)
}

fn write_bounds(out: &mut String, histogram: &HistogramValue) {
    out.push('[');
    for (at, bucket) in histogram.buckets.iter().enumerate() {
        json::separate(out, at);
        json::number(out, bucket.le);
    }
    out.push(']');
}

/// `first` is the histogram whose bounds the family has.
fn write_series(out: &mut String, series: &Series, first: Option<&HistogramValue>) {
    out.push_str("[[");
    for (at, (name, value)) in series.labels.iter().enumerate() {
        json::separate(out, at);
        json::text(out, name);
        out.push(',');
        json::text(out, value);
    }
    out.push_str("],");
    match &series.value {
        Value::Counter(number) => json::number(out, number.as_f64()),
        Value::Gauge(number) => json::number(out, *number),
        Value::Summary(summary) => {
            let _ = write!(out, "[{},", summary.count);
            json::number(out, summary.sum);
            out.push(']');
        }
        Value::Histogram(histogram) => {
            let _ = write!(out, "[{},", histogram.count());
            json::number(out, histogram.sum);
            out.push_str(",[");
            let mut before = 0;
            for (at, bucket) in histogram.buckets.iter().enumerate() {
                json::separate(out, at);
                let _ = write!(out, "{}", bucket.count.saturating_sub(before));
                before = bucket.count;
            }
            out.push(']');
            // A program may supply series with bounds of their own.
            let bounds = |one: &HistogramValue| -> Vec<u64> {
                one.buckets.iter().map(|bucket| bucket.le.to_bits()).collect()
            };
            if first.is_some_and(|first| bounds(first) != bounds(histogram)) {
                out.push(',');
                write_bounds(out, histogram);
            } else if histogram.native.is_some() {
                out.push_str(",null");
            }
            if let Some(native) = &histogram.native {
                write_native(out, native);
            }
            out.push(']');
        }
    }
    out.push(']');
}

fn write_native(out: &mut String, native: &NativeBuckets) {
    let _ = write!(out, ",[{},", native.schema);
    json::number(out, native.zero_threshold);
    let _ = write!(out, ",{},{}", native.zero_count, native.unplaced);
    for buckets in [&native.positive, &native.negative] {
        out.push_str(",[");
        for (at, (index, count)) in buckets.iter().enumerate() {
            json::separate(out, at);
            let _ = write!(out, "{index},{count}");
        }
        out.push(']');
    }
    out.push(']');
}
