//! What a collection yields: plain data.

use std::fmt;
use std::io;
use std::time::SystemTime;

use crate::error::Error;
use crate::expose::Format;

use super::label_set::LabelSet;

/// Everything that was collected, merged over processes, in a fixed order: families by name, series by label values.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) families: Vec<Family>,
    pub(super) skipped: Vec<Error>,
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

    /// The Prometheus text format, version 0.0.4.
    pub fn to_text(&self) -> String {
        Format::Text.page(&self.families)
    }

    /// `OpenMetrics` 1.0 as text. Beside what the text format says, it has units, infos and state sets by their own types, and
    /// since when each series is counted.
    ///
    /// The samples have the same names and values as in the text format; only a counter whose name lacks `_total`, and an info whose name
    /// lacks `_info`, get them. A family that `OpenMetrics` can't have by its own type - its names would be those of
    /// another family, or a total is negative - is shown with the type `unknown`, a gauge's if it isn't a total.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Counter, metric};
    ///
    /// /// Bytes read.
    /// #[metric(name = "read_bytes_total", unit = "bytes")]
    /// static READ: Counter;
    ///
    /// READ.inc_by(3);
    /// let page = Collector::new().collect()?.to_openmetrics();
    /// assert!(page.contains(
    ///     "# TYPE read_bytes counter\n# UNIT read_bytes bytes\n# HELP read_bytes Bytes read.\nread_bytes_total 3\n"
    /// ));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn to_openmetrics(&self) -> String {
        Format::OpenMetrics.page(&self.families)
    }

    /// Writes the page in one of the formats, in pieces: it is never in memory as a whole.
    ///
    /// # Errors
    ///
    /// Those of `out`. What was written before is there.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Format};
    ///
    /// let snapshot = Collector::new().collect()?;
    /// let mut page = Vec::new();
    /// snapshot.encode(Format::OpenMetrics, &mut page)?;
    /// assert!(page.ends_with(b"# EOF\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode(&self, format: Format, out: &mut dyn io::Write) -> io::Result<()> {
        format.encode(&self.families, out)
    }

    /// The exposition that a client asks for by its header `Accept`: `OpenMetrics` 1.0 where the header names it and nothing else is
    /// preferred, else the text format, which every client takes.
    ///
    /// # Examples
    ///
    /// ```
    /// let snapshot = headcount::Collector::new().collect()?;
    /// let page = snapshot.render("application/openmetrics-text;q=0.5,text/plain;q=0.3");
    /// assert_eq!(page.content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn render(&self, accept: &str) -> crate::Exposition {
        crate::expose::negotiated(&self.families, accept)
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

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FamilyKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Values in buckets.
    Histogram,
    /// Sum and number of values.
    Summary,
    /// What a program is: labels, and the value 1.
    Info,
    /// Which of a few states holds: one series for each, 1 or 0. Only where each process, or one, is shown; how many processes are in each
    /// state is a gauge.
    StateSet,
}

/// The type's name in `OpenMetrics`: `counter`, `gauge`, `histogram`, `summary`, `info`, `stateset`.
impl fmt::Display for FamilyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        })
    }
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
