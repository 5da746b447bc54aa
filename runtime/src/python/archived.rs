//! Families of Python's in the form in which `merge` adds up those of dead processes, for families
//! that headcount's own processes have too.

use crate::error::Error;
use crate::merge::archived::{ArchivedFamily, ArchivedSeries};
use crate::merge::spans::{Span, Spans};
use crate::merge::sums::{CounterSum, Each, GaugeSum, HistogramSum, Sum};
use crate::model::cells::Encoding;
use crate::model::instance::InstanceId;
use crate::model::sorted::{SortedMap, SortedSet};
use crate::model::{GaugeMode, LabelSet, MetricType};
use crate::reader::family::LogFamily;
use crate::reader::segment::ENDLESS;

use super::family::Combined;
use super::page::{Part, Parts};

/// The family as a part of one of headcount's own. When its series were created is unknown: since
/// ever, so that counts which another process has removed meanwhile stay in the sum.
pub(crate) fn archived(
    combined: Combined,
    now: u64,
    skipped: &mut Vec<Error>,
) -> Option<ArchivedFamily> {
    let parts = combined.into_parts(skipped)?;
    let encoding = match parts.kind {
        MetricType::Counter => Encoding::FloatCounter,
        MetricType::Histogram => Encoding::Histogram,
        MetricType::Summary => Encoding::Summary,
        _ => Encoding::Gauge,
    };
    let bounds = common_bounds(&parts);
    let Parts { name, help, mode, series, .. } = parts;
    let mut labels = SortedSet::new();
    let mut sums = SortedMap::<LabelSet, Sum>::new();
    let mut unnamed = 0_usize;
    for (of_series, part) in series {
        let set: LabelSet = of_series.into_iter().collect();
        labels.extend(set.iter().map(|(name, _)| name.to_owned()));
        let Some(sum) = sum(part, mode, &bounds) else {
            unnamed += 1;
            continue;
        };
        match sums.get_mut(&set) {
            Some(known) => known.add(sum, mode),
            None => drop(sums.insert(set, sum)),
        }
    }
    if unnamed > 0 {
        skipped.push(Error::invalid(format!(
            "{unnamed} series of `{name}` are left out: beside headcount's own series, a process \
             must be named by its number"
        )));
    }
    let width = u32::try_from(bounds.len()).unwrap_or(u32::MAX);
    let family = LogFamily {
        name,
        unit: String::new(),
        help,
        file: String::new(),
        line: 0,
        encoding,
        mode,
        width: encoding.layout().width(mode, width, 0),
        bounds: bounds.into_iter().map(f64::to_bits).collect(),
        schema: 0,
        labels: labels.into_iter().collect(),
    };
    let series = sums.into_iter().map(|(labels, sum)| {
        let spans = Spans::of(Span::new((0, ENDLESS), sum));
        ArchivedSeries { labels, spans, touched: now }
    });
    Some(ArchivedFamily {
        family,
        newest: (0, InstanceId::default()),
        segments: 1,
        series: series.collect(),
    })
}

/// The bounds that all its histograms have: sums of other buckets cannot be separated.
fn common_bounds(parts: &Parts) -> Vec<f64> {
    let mut all = parts.series.iter().filter_map(|(_, part)| match part {
        Part::Histogram { buckets, .. } if !buckets.is_empty() => Some(buckets),
        _ => None,
    });
    let mut bounds: Vec<f64> = all.next().into_iter().flatten().map(|bucket| bucket.le).collect();
    for buckets in all {
        let has = |le: &f64| buckets.binary_search_by(|bucket| bucket.le.total_cmp(le)).is_ok();
        bounds.retain(has);
    }
    bounds.retain(|bound| bound.is_finite());
    bounds
}

/// `None`: a process that has its own series is not named by its number.
fn sum(part: Part, mode: Option<GaugeMode>, bounds: &[f64]) -> Option<Sum> {
    Some(match part {
        Part::Counter(total) => {
            Sum::Counter(CounterSum { whole: 0, parts: Some(total.into_exact()) })
        }
        Part::Gauge { pid, value, time } => {
            let (mode, mut gauge) = (mode?, GaugeSum::default());
            if mode.is_all() {
                let pid = pid?.parse().ok()?;
                // Whether the process lives is unknown, so that none is left out as dead.
                let age = (0, InstanceId::default());
                gauge.set_of(pid, Each { age, value: value.value(), is_alive: true });
            } else {
                gauge.set(mode, nanos(time), value.value());
            }
            Sum::Gauge(gauge)
        }
        Part::Histogram { sum, buckets, count } => {
            let below = |bound: &f64| {
                let behind = buckets.partition_point(|bucket| bucket.le <= *bound);
                behind.checked_sub(1).and_then(|at| buckets.get(at)).map_or(0, |b| b.count)
            };
            let below = bounds.iter().map(below).collect();
            let sum = sum.into_exact();
            Sum::Histogram(HistogramSum { sum, below, count, ..Default::default() })
        }
        Part::Summary { sum, count } => {
            let sum = sum.into_exact();
            Sum::Histogram(HistogramSum { sum, count, ..Default::default() })
        }
    })
}

/// Seconds since 1970 in nanoseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
