//! Families of Python's as this library shows them. What no page can show is left out and reported.

use crate::error::{Error, ErrorKind};
use crate::model::cold_sort;
use crate::model::sorted::SortedMap;
use crate::model::text::{MAX_LABELS, is_any_label_name, is_any_name};
use crate::model::{
    Bucket, GaugeMode, HistogramValue, MetricFamily, MetricType, Number, Series, SummaryValue,
    Value,
};

use super::family::{Child, Combined};
use super::total::Total;

/// A family in the form that pages have: each series has one value.
#[derive(Debug)]
pub(super) struct Parts {
    /// With the ending of a counter.
    pub(super) name: String,
    pub(super) help: String,
    pub(super) kind: MetricType,
    pub(super) mode: Option<GaugeMode>,
    pub(super) series: Vec<(Labels, Part)>,
}

/// The value of a series.
#[derive(Debug)]
pub(super) enum Part {
    Counter(Total),
    Gauge {
        pid: Option<String>,
        value: Total,
        time: f64,
    },
    /// Cumulative buckets by ascending bound, without that of +Inf.
    Histogram {
        sum: Total,
        buckets: Vec<Bucket>,
        count: u64,
    },
    Summary {
        sum: Total,
        count: u64,
    },
}

/// Names and values, sorted.
type Labels = Vec<(String, String)>;

/// What no page can show, and how many series are so.
type Faults = SortedMap<&'static str, usize>;

impl Combined {
    /// Whether the family has one of these names, or one of its samples has.
    pub(crate) fn is_named(&self, names: &[String]) -> bool {
        crate::model::sample_names::is_one_of(names, &self.shown_name(), self.kind)
    }

    /// The name in the text format.
    pub(crate) fn shown_name(&self) -> String {
        let ending = self.kind.ending().as_str();
        let stem = self.name.strip_suffix(ending).unwrap_or(&self.name);
        format!("{stem}{ending}")
    }

    /// `None`: the family's name is none.
    pub(super) fn into_parts(self, skipped: &mut Vec<Error>) -> Option<Parts> {
        let name = self.shown_name();
        let shown: String = name.chars().take(100).collect();
        if self.has_conflict {
            let message = format!(
                "files of Python's declare `{shown}` with different types, modes or help texts: \
                 type and help text of the first file count, and the mode of the last one"
            );
            skipped.push(Error::new(ErrorKind::Conflict { message }));
        }
        if !is_any_name(&name) {
            let message = format!("`{shown}` is left out: not a name that a metric can have");
            skipped.push(Error::invalid(message));
            return None;
        }
        let mut faults = Faults::new();
        let mut series = Vec::with_capacity(self.children.len());
        for child in self.children {
            match part(&name, self.kind, child) {
                Ok(one) => series.push(one),
                Err(fault) => *faults.or_default(fault) += 1,
            }
        }
        skipped.extend(faults.into_iter().map(|(what, n)| {
            Error::invalid(format!("{n} series of `{shown}` are left out: {what}"))
        }));
        Some(Parts { name, help: self.help, kind: self.kind, mode: self.mode, series })
    }
}

fn part(name: &str, kind: MetricType, child: Child) -> Result<(Labels, Part), &'static str> {
    let Child { labels, pid, samples, buckets, times } = child;
    if labels.len() > usize::from(MAX_LABELS) {
        return Err("more than 64 labels");
    }
    let own = kind.own_label();
    if labels.iter().any(|(label, _)| !is_any_label_name(label) || label == own) {
        return Err("a label has a name that no label can have");
    }
    let mut found = [None, None, None];
    for (sample, total) in samples {
        let place = match (kind, sample.strip_prefix(name)) {
            (MetricType::Counter | MetricType::Gauge, Some("")) => 0,
            (MetricType::Histogram | MetricType::Summary, Some("_sum")) => 1,
            (MetricType::Histogram | MetricType::Summary, Some("_count")) => 2,
            _ => return Err("a sample has a name that no sample of such a family has"),
        };
        if let Some(found) = found.get_mut(place) {
            *found = Some(total);
        }
    }
    let [value, sum, count] = found;
    let count = count.map_or(Some(0), |count| whole(count.value()));
    let sum = sum.unwrap_or_default();
    let not_whole = "a number of observed values is not a whole number";
    let part = match kind {
        MetricType::Counter => {
            let value = value.unwrap_or_default();
            // NaN is what the program has added.
            if value.value() < 0.0 {
                return Err("a counter that is below zero");
            }
            Part::Counter(value)
        }
        MetricType::Summary => Part::Summary { sum, count: count.ok_or(not_whole)? },
        MetricType::Histogram => {
            let is_counted = !buckets.is_empty();
            let (mut below, mut all) = (0_u64, Vec::with_capacity(buckets.len()));
            for bucket in buckets {
                let more = whole(bucket.total.value()).ok_or(not_whole)?;
                below = below.saturating_add(more);
                all.push(Bucket { le: bucket.le, count: below });
            }
            all.retain(|bucket| bucket.le < f64::INFINITY);
            let count = if is_counted { below } else { count.ok_or(not_whole)? };
            Part::Histogram { sum, buckets: all, count }
        }
        _ => {
            let time = times.first().copied().unwrap_or(0.0);
            Part::Gauge { pid, value: value.unwrap_or_default(), time }
        }
    };
    Ok((labels, part))
}

/// A number of values, which was counted as an `f64`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at first")]
fn whole(count: f64) -> Option<u64> {
    ((0.0..18_446_744_073_709_551_616.0).contains(&count) && count.fract() == 0.0)
        .then_some(count as u64)
}

/// The family as it is shown.
pub(crate) fn family(combined: Combined, skipped: &mut Vec<Error>) -> Option<MetricFamily> {
    let Parts { name, help, kind, series, .. } = combined.into_parts(skipped)?;
    let mut series: Vec<Series> = series.into_iter().map(shown).collect();
    cold_sort::sort_series(&mut series);
    let before = series.len();
    series.dedup_by(|a, b| a.labels == b.labels);
    if series.len() < before {
        let shown: String = name.chars().take(100).collect();
        let what = "they differ from others in empty labels only";
        let n = before - series.len();
        skipped.push(Error::invalid(format!("{n} series of `{shown}` are left out: {what}")));
    }
    Some(MetricFamily { name, help, unit: String::new(), kind, series })
}

fn shown((mut labels, part): (Labels, Part)) -> Series {
    let value = match part {
        Part::Counter(total) => Value::Counter(Number::Float(total.value())),
        Part::Gauge { pid, value, .. } => {
            labels.extend(pid.map(|pid| ("pid".to_owned(), pid)));
            Value::Gauge(value.value())
        }
        Part::Histogram { sum, mut buckets, count } => {
            buckets.push(Bucket { le: f64::INFINITY, count });
            Value::Histogram(HistogramValue { buckets, sum: sum.value(), native: None })
        }
        Part::Summary { sum, count } => Value::Summary(SummaryValue { sum: sum.value(), count }),
    };
    Series::new(labels.into_iter().collect(), value)
}
