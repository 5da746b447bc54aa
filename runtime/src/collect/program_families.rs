//! Families that the collecting program supplies: `Collector::with_families`.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::Error;
use crate::model::cold_sort;
use crate::model::sample_names::sample_names;
use crate::model::sorted::SortedSet;
use crate::model::text::{MAX_LABEL_VALUE_LEN, MAX_LABELS, is_any_label_name, is_any_name};
use crate::model::{MetricFamily, MetricType, Number, Series, Value};

/// Builders of a family for [`Collector::with_families`](crate::Collector::with_families). The
/// collection reports mistakes in [`Snapshot::skipped`](crate::Snapshot::skipped).
impl MetricFamily {
    /// Creates a gauge without series.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, MetricFamily};
    ///
    /// let free = |disk: &str| if disk == "a" { 512.0 } else { 0.5 };
    /// let collector = Collector::new().with_families(move || {
    ///     let family = MetricFamily::gauge("disk_free_bytes", "Space on the disks.");
    ///     let add = |all: MetricFamily, disk| all.with_series(&[("disk", disk)], free(disk));
    ///     vec![["a", "b"].into_iter().fold(family.with_unit("bytes"), add)]
    /// });
    /// let text = collector.collect()?.to_text();
    /// assert!(text.contains("disk_free_bytes{disk=\"a\"} 512\n"));
    /// assert!(text.contains("disk_free_bytes{disk=\"b\"} 0.5\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn gauge(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::empty(MetricType::Gauge, name.into(), help.into())
    }

    /// Creates a counter without series. Its name must end in `_total`. Its value must not decrease
    /// from one collection to the next, whichever process collects.
    pub fn counter(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::empty(MetricType::Counter, name.into(), help.into())
    }

    /// Creates an info without series: labels that describe something, with the value 1. Its name
    /// must end in `_info`.
    pub fn info(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::empty(MetricType::Info, name.into(), help.into())
    }

    /// Adds a series. Labels may be in any order; an empty value is the same as no label.
    #[must_use]
    pub fn with_series(mut self, labels: &[(&str, &str)], value: f64) -> Self {
        let labels = labels.iter().copied().collect();
        let value = match self.kind {
            MetricType::Counter => Value::Counter(Number::Float(value)),
            _ => Value::Gauge(value),
        };
        self.series.push(Series::new(labels, value));
        self
    }

    /// Sets the unit, as a word. The family's name must end in it, for a counter before `_total`.
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    fn empty(kind: MetricType, name: String, help: String) -> Self {
        Self { name, help, unit: String::new(), kind, series: Vec::new() }
    }
}

/// A function that supplies families.
#[derive(Clone)]
pub(crate) struct Custom(pub(crate) Arc<dyn Fn() -> Vec<MetricFamily> + Send + Sync>);

impl core::fmt::Debug for Custom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Custom")
    }
}

/// Adds families to sorted ones. It leaves out a family that is invalid, or whose samples would
/// have the names of another family's; the family that was there first stays.
pub(crate) fn add(
    families: &mut Vec<MetricFamily>,
    more: Vec<MetricFamily>,
    skipped: &mut Vec<Error>,
) {
    let mut valid = Vec::with_capacity(more.len());
    for family in more {
        match checked(family) {
            Ok(family) => valid.push(family),
            Err(e) => skipped.push(e),
        }
    }
    insert(families, valid, skipped);
}

/// The same for families that a page can show.
pub(super) fn insert(
    families: &mut Vec<MetricFamily>,
    more: Vec<MetricFamily>,
    skipped: &mut Vec<Error>,
) {
    if more.is_empty() {
        return;
    }
    let mut taken: HashSet<String> = families.iter().flat_map(sample_names).collect();
    for family in more {
        let free = {
            let names = sample_names(&family);
            if names.iter().any(|name| taken.contains(name)) {
                Err(wrong(&family, "another family has samples of that name"))
            } else {
                taken.extend(names);
                Ok(family)
            }
        };
        match free {
            Ok(family) => {
                let (Ok(at) | Err(at)) = families.binary_search_by(|f| f.name.cmp(&family.name));
                families.insert(at, family);
            }
            Err(e) => skipped.push(e),
        }
    }
}

fn wrong(family: &MetricFamily, what: &str) -> Error {
    // The name was not checked, and may be anything.
    let name: String = family.name.chars().take(100).collect();
    Error::invalid(format!("`{name}` is left out: {what}"))
}

/// Checks a family, and brings it into the form of a snapshot: sorted, without empty label values.
fn checked(mut family: MetricFamily) -> Result<MetricFamily, Error> {
    let suffix = family.kind.ending().as_str();
    if !is_any_name(&family.name) {
        return Err(wrong(&family, "not a name that a metric can have"));
    }
    let Some(stem) = family.name.strip_suffix(suffix) else {
        return Err(wrong(&family, &format!("the name does not end in `{suffix}`")));
    };
    let has_unit = family.unit.is_empty()
        || stem.strip_suffix(&*family.unit).is_some_and(|stem| stem.ends_with('_'));
    if !has_unit {
        return Err(wrong(&family, "the name does not end in its unit"));
    }
    if let Some(what) = family.series.iter().find_map(|series| fault(family.kind, series)) {
        return Err(wrong(&family, what));
    }
    cold_sort::sort_series(&mut family.series);
    let pairs = || family.series.iter().zip(family.series.iter().skip(1));
    if pairs().any(|(a, b)| a.labels == b.labels) {
        return Err(wrong(&family, "a series is there twice"));
    }
    Ok(family)
}

/// Why a series is invalid.
fn fault(kind: MetricType, series: &Series) -> Option<&'static str> {
    let names: SortedSet<&str> = series.labels.iter().map(|(name, _)| name).collect();
    if !kind.has(&series.value) {
        return Some("a value of another kind");
    }
    if names.len() != series.labels.len() || names.len() > usize::from(MAX_LABELS) {
        return Some("a label is there twice, or there are more than 64");
    }
    if names.iter().any(|name| !is_any_label_name(name) || *name == kind.own_label()) {
        return Some("not a name that a label can have");
    }
    if series.labels.iter().any(|(_, value)| value.len() > MAX_LABEL_VALUE_LEN) {
        return Some("a label value of more than 1,024 bytes");
    }
    match &series.value {
        Value::Counter(number) if number.as_f64().is_nan() || number.as_f64() < 0.0 => {
            Some("a counter that is below zero or not a number")
        }
        Value::Histogram(histogram) if !is_cumulative(histogram) => {
            Some("buckets that do not ascend to +Inf")
        }
        _ => None,
    }
}

fn is_cumulative(histogram: &crate::model::HistogramValue) -> bool {
    let buckets = &histogram.buckets;
    let ascends =
        |(a, b): (&crate::model::Bucket, &crate::model::Bucket)| a.le < b.le && a.count <= b.count;
    buckets.iter().zip(buckets.iter().skip(1)).all(ascends)
        && buckets.last().is_some_and(|bucket| bucket.le == f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_that_no_page_can_show_are_left_out_and_reported() {
        let gauge = |name: &str| MetricFamily::gauge(name, "").with_series(&[], 1.0);
        let label = |name: &str| MetricFamily::gauge("g", "").with_series(&[(name, "v")], 1.0);
        let mut mixed = gauge("g");
        mixed.kind = MetricType::Histogram;
        let mut no_infinity = gauge("g");
        no_infinity.kind = MetricType::Histogram;
        no_infinity.series[0].value = Value::Histogram(crate::model::HistogramValue {
            buckets: vec![],
            sum: 0.0,
            native: None,
        });
        for (family, told) in [
            (gauge(""), "not a name"),
            (gauge("x\nfake 1"), "not a name"),
            (gauge(&"x".repeat(2000)), "not a name"),
            (gauge("taken"), "another family"),
            (gauge("h_sum"), "another family"),
            (MetricFamily::counter("c", ""), "`_total`"),
            (MetricFamily::info("i", ""), "`_info`"),
            (gauge("g").with_unit("seconds"), "its unit"),
            (gauge("seconds").with_unit("seconds"), "its unit"),
            (label("a\u{9b}b"), "a label can have"),
            (label("__name"), "a label can have"),
            (label(""), "a label can have"),
            (
                MetricFamily::gauge("g", "").with_series(&[("a", "1"), ("a", "2")], 1.0),
                "label is there twice",
            ),
            (MetricFamily::gauge("g", "").with_series(&[("a", &"x".repeat(2000))], 1.0), "1,024"),
            (gauge("g").with_series(&[("a", "")], 2.0), "series is there twice"),
            (MetricFamily::counter("c_total", "").with_series(&[], -1.0), "below zero"),
            (MetricFamily::counter("c_total", "").with_series(&[], f64::NAN), "below zero"),
            (mixed, "another kind"),
            (no_infinity, "+Inf"),
        ] {
            let mut families = vec![gauge("taken")];
            let mut histogram = gauge("h");
            histogram.kind = MetricType::Histogram;
            families.insert(0, histogram);
            let before = families.clone();
            let mut skipped = Vec::new();
            add(&mut families, vec![family.clone()], &mut skipped);
            assert_eq!(families, before, "{family:?}");
            let [error] = &skipped[..] else { panic!("{skipped:?}") };
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn families_and_series_are_put_in_order() {
        let mut families = vec![MetricFamily::gauge("b", "")];
        let more = vec![
            MetricFamily::gauge("c", "")
                .with_series(&[("z", "1"), ("a", "2")], 1.0)
                .with_series(&[("a", "1")], 2.0),
            MetricFamily::counter("a_seconds_total", "")
                .with_unit("seconds")
                .with_series(&[("e", "")], 0.0),
        ];
        add(&mut families, more, &mut Vec::new());
        let names: Vec<&str> = families.iter().map(|family| &*family.name).collect();
        assert_eq!(names, ["a_seconds_total", "b", "c"]);
        assert!(families[0].series[0].labels.is_empty());
        let labels: Vec<usize> = families[2].series.iter().map(|s| s.labels.len()).collect();
        assert_eq!(labels, [1, 2]);
        assert_eq!(families[2].series[1].labels.get("a"), Some("2"));
    }
}
