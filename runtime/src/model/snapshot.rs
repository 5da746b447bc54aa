//! The result of a collection: plain data.

use std::fmt;
use std::time::SystemTime;

use crate::error::Error;

use super::{Exemplar, LabelSet, MetricType};

/// The result of a collection, merged over processes, in a fixed order: families by name, series by
/// label values.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) families: Vec<MetricFamily>,
    pub(crate) skipped: Vec<Error>,
}

impl Snapshot {
    /// Returns the metric families, sorted by name.
    pub fn families(&self) -> &[MetricFamily] {
        &self.families
    }

    /// Returns what the collection left out, and why: a file that is not a segment, is damaged or
    /// was written by another version, a declaration that contradicts the majority, or what exceeds
    /// a limit. The rest of the snapshot is complete.
    pub fn skipped(&self) -> &[Error] {
        &self.skipped
    }
}

/// One metric family.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MetricFamily {
    /// The name in the text format.
    pub name: String,
    /// The help text.
    pub help: String,
    /// The unit as a word, or an empty string.
    pub unit: String,
    /// The type.
    pub kind: MetricType,
    /// The series, sorted by their label values. Empty for a gauge that no process has set.
    pub series: Vec<Series>,
}

/// One series: labels and a value.
///
/// ```
/// use headcount::{Collector, Counter, metric};
///
/// /// Parcels sent.
/// #[metric(name = "series_parcels_total")]
/// fn parcels(to: &str) -> Counter;
///
/// parcels("Oslo").inc_by(3);
/// let snapshot = Collector::new().names(["series_parcels_total"]).self_metrics(false).collect()?;
/// let family = snapshot.families().iter().find(|family| family.name == "series_parcels_total");
/// let series = &family.unwrap().series[0];
/// assert_eq!(series.labels.get("to"), Some("Oslo"));
/// assert_eq!(series.value, headcount::Value::Counter(headcount::Number::Integer(3)));
/// assert!(series.created.is_some() && series.exemplars.is_empty());
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// The labels that identify the series within its family.
    pub labels: LabelSet,
    /// The value.
    pub value: Value,
    /// When counting began: the earliest time of all processes. Only counters, histograms and
    /// summaries have it.
    pub created: Option<SystemTime>,
    /// Of a counter the newest exemplar of all processes, of a histogram that of each bucket, by
    /// ascending value. Empty for any other metric.
    pub exemplars: Vec<Exemplar>,
}

impl Series {
    /// A series that says nothing of when it was created, and has no exemplars.
    pub(crate) fn new(labels: LabelSet, value: Value) -> Self {
        Self { labels, value, created: None, exemplars: Vec::new() }
    }
}

/// The value of a series.
///
/// ```
/// use headcount::{Collector, Gauge, Summary, Value, metric};
///
/// /// Degrees.
/// #[metric(name = "value_degrees", mode = "livemax")]
/// static DEGREES: Gauge;
///
/// /// Sizes.
/// #[metric(name = "value_sizes")]
/// static SIZES: Summary;
///
/// DEGREES.set(21.5);
/// SIZES.observe(3);
/// SIZES.observe(4);
/// let snapshot = Collector::new().names(["value_degrees", "value_sizes"]).collect()?;
/// for family in snapshot.families() {
///     match &family.series[0].value {
///         Value::Gauge(degrees) if family.name == "value_degrees" => assert_eq!(*degrees, 21.5),
///         Value::Summary(sizes) => assert_eq!((sizes.sum, sizes.count), (7.0, 2)),
///         _ => assert!(family.name.starts_with("headcount_")),
///     }
/// }
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// The value of a counter.
    Counter(Number),
    /// The value of a gauge, an info or a state.
    Gauge(f64),
    /// The value of a histogram.
    Histogram(HistogramValue),
    /// The value of a summary.
    Summary(SummaryValue),
}

/// A number, which is exact as long as possible.
///
/// ```
/// use headcount::{Collector, Counter, Number, Value, metric};
///
/// /// Bytes sent.
/// #[metric(name = "number_bytes_total")]
/// static BYTES: Counter;
///
/// BYTES.inc_by((1 << 53) + 1); // no `f64` is equal to this
/// let snapshot = Collector::new().names(["number_bytes_total"]).self_metrics(false).collect()?;
/// let family = snapshot.families().iter().find(|family| family.name == "number_bytes_total");
/// let Value::Counter(number) = family.unwrap().series[0].value else { unreachable!() };
/// assert_eq!(number, Number::Integer(9_007_199_254_740_993));
/// assert_eq!(number.to_string(), "9007199254740993");
/// assert_eq!(number.as_f64(), 9_007_199_254_740_992.0);
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Number {
    /// An integer.
    Integer(u64),
    /// Anything else.
    Float(f64),
}

/// Prints the shortest decimal number that parses to the same number, as on a page.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => n.fmt(f),
            Self::Float(n) => n.fmt(f),
        }
    }
}

impl Number {
    /// Returns the nearest `f64`.
    #[expect(clippy::cast_precision_loss, reason = "what the name says")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(n) => n as f64,
            Self::Float(n) => n,
        }
    }
}

/// The value of a summary.
///
/// ```
/// use headcount::{Collector, Summary, Value, metric};
///
/// /// Sizes.
/// #[metric(name = "summed_sizes")]
/// static SIZES: Summary;
///
/// SIZES.observe(2);
/// SIZES.observe(5);
/// let snapshot = Collector::new().names(["summed_sizes"]).collect()?;
/// let family = snapshot.families().iter().find(|family| family.name == "summed_sizes").unwrap();
/// let Value::Summary(sizes) = family.series[0].value else { unreachable!() };
/// assert_eq!(sizes.sum / sizes.count as f64, 3.5);
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SummaryValue {
    /// The sum of all observed values.
    pub sum: f64,
    /// The number of observed values.
    pub count: u64,
}

/// The value of a histogram.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HistogramValue {
    /// The buckets, cumulative, by ascending bound. The last bound is +Inf, and the last count is
    /// the number of observed values.
    pub buckets: Vec<Bucket>,
    /// The sum of all observed values.
    pub sum: f64,
    /// The same values in the finer buckets of a native histogram, if it is one.
    pub native: Option<NativeBuckets>,
}

/// The buckets of a native histogram. Bucket `i` holds the values above `b^(i-1)` and up to `b^i`,
/// where `b` is `2^(2^-schema)`.
///
/// ```
/// use headcount::{Collector, Histogram, Value, metric};
///
/// /// Sizes.
/// #[metric(name = "buckets_sizes", native(schema = 0))]
/// static SIZES: Histogram;
///
/// for size in [0.0, 1.5, 3.0, 4.0, -1.0] {
///     SIZES.observe(size);
/// }
/// let snapshot = Collector::new().names(["buckets_sizes"]).self_metrics(false).collect()?;
/// let family = snapshot.families().iter().find(|family| family.name == "buckets_sizes");
/// let Value::Histogram(histogram) = &family.unwrap().series[0].value else { unreachable!() };
/// let native = histogram.native.as_ref().unwrap();
/// // With schema 0 bucket `i` holds what is above 2^(i-1) and up to 2^i.
/// assert_eq!(native.positive, [(1, 1), (2, 2)]);
/// assert_eq!((&native.negative[..], native.zero_count), (&[(0, 1)][..], 1));
/// assert_eq!((native.count(), native.unplaced), (5, 0));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NativeBuckets {
    /// There are `2^schema` buckets for each power of two.
    pub schema: i8,
    /// The zero bucket holds the values from minus this to this, both included.
    pub zero_threshold: f64,
    /// The number of values in the zero bucket.
    pub zero_count: u64,
    /// The buckets of positive values that are not empty: the index and the number of values, by
    /// ascending index.
    pub positive: Vec<(i32, u64)>,
    /// The same of negative values, by their absolute values.
    pub negative: Vec<(i32, u64)>,
    /// The number of values for whose bucket there was no room, or that a version of the program
    /// with classic buckets counted. They are in the sum and in the count and in no bucket.
    /// Prometheus gets no native buckets then.
    pub unplaced: u64,
}

impl NativeBuckets {
    /// Returns the number of observed values.
    pub fn count(&self) -> u64 {
        let counts = self.positive.iter().chain(&self.negative).map(|(_, n)| *n);
        counts.fold(self.zero_count.saturating_add(self.unplaced), u64::saturating_add)
    }
}

impl NativeBuckets {
    /// What came since an earlier moment; `None` if the buckets were finer then, or fewer values.
    pub(super) fn since(mut self, before: &Self) -> Option<Self> {
        if (self.schema, self.zero_threshold) != (before.schema, before.zero_threshold) {
            return None;
        }
        self.zero_count = self.zero_count.checked_sub(before.zero_count)?;
        self.unplaced = self.unplaced.checked_sub(before.unplaced)?;
        for (now, before) in
            [(&mut self.positive, &before.positive), (&mut self.negative, &before.negative)]
        {
            for (index, n) in before {
                let at = now.binary_search_by_key(index, |(index, _)| *index).ok()?;
                let (_, count) = now.get_mut(at)?;
                *count = count.checked_sub(*n)?;
            }
            now.retain(|(_, n)| *n > 0);
        }
        Some(self)
    }
}

impl HistogramValue {
    /// Returns the number of observed values.
    pub fn count(&self) -> u64 {
        self.buckets.last().map_or(0, |bucket| bucket.count)
    }
}

/// One bucket.
///
/// ```
/// use headcount::{Histogram, metric};
///
/// /// Sizes.
/// #[metric(name = "bucket_sizes", buckets = [10, 100])]
/// static SIZES: Histogram;
///
/// SIZES.observe(10);
/// SIZES.observe(11);
/// let buckets = SIZES.buckets(); // of this process; a `HistogramValue` has those of all
/// let pairs: Vec<(f64, u64)> = buckets.iter().map(|bucket| (bucket.le, bucket.count)).collect();
/// assert_eq!(pairs, [(10.0, 1), (100.0, 2), (f64::INFINITY, 2)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Bucket {
    /// The upper bound, inclusive.
    pub le: f64,
    /// The number of values that are less than or equal to the bound.
    pub count: u64,
}
