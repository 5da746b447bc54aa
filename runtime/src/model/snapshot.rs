//! What a collection yields: plain data.

use std::fmt;
use std::time::SystemTime;

use crate::error::Error;

use super::{FamilyKind, LabelSet};

/// Everything that was collected, merged over processes, in a fixed order: families by name, series by label values.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) families: Vec<Family>,
    pub(crate) skipped: Vec<Error>,
}

impl Snapshot {
    /// The metric families, sorted by name.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Files and declarations that take no part, with the reason: what isn't a segment, is damaged, comes from another
    /// version, or contradicts the majority. The rest of the snapshot is whole.
    pub fn skipped(&self) -> &[Error] {
        &self.skipped
    }
}

/// One metric family.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Family {
    /// The name, as it stands in the text format.
    pub name: String,
    /// The help text.
    pub help: String,
    /// The unit as a word, or nothing.
    pub unit: String,
    /// The type.
    pub kind: FamilyKind,
    /// The series, sorted by their label values. May be empty, for a gauge that nobody has set.
    pub series: Vec<Series>,
}

/// One series: label values and a value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// What tells it from the other series of its family.
    pub labels: LabelSet,
    /// The value.
    pub value: Value,
    /// Since when it is counted: the earliest of all processes. Only of counters, histograms and summaries.
    pub created: Option<SystemTime>,
}

/// The value of a series.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Of a counter.
    Counter(Number),
    /// Of a gauge, an info, a state.
    Gauge(f64),
    /// Of a histogram.
    Histogram(HistogramValue),
    /// Of a summary.
    Summary(SummaryValue),
}

/// A number that is exact as long as it can be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Number {
    /// An integer.
    Integer(u64),
    /// Anything else.
    Float(f64),
}

/// The shortest decimal that is read back as the same number, as on a page.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => n.fmt(f),
            Self::Float(n) => n.fmt(f),
        }
    }
}

impl Number {
    /// The nearest `f64`.
    #[expect(clippy::cast_precision_loss, reason = "what the name says")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(n) => n as f64,
            Self::Float(n) => n,
        }
    }
}

/// The value of a summary.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SummaryValue {
    /// The sum of all observed values.
    pub sum: f64,
    /// How many there were.
    pub count: u64,
}

/// The value of a histogram.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HistogramValue {
    /// Cumulative, by ascending bound; the last is +Inf's and holds the count.
    pub buckets: Vec<Bucket>,
    /// The sum of all observed values.
    pub sum: f64,
}

impl HistogramValue {
    /// How many values were observed.
    pub fn count(&self) -> u64 {
        self.buckets.last().map_or(0, |bucket| bucket.count)
    }
}

/// One bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Bucket {
    /// The bound, which belongs to the bucket.
    pub le: f64,
    /// How many values were less than or equal to it.
    pub count: u64,
}
