//! What was merged: as this layer passes it on, and as `prometheus_client` shows it.

use crate::error::Error;
use crate::model::{GaugeMode, MetricType};

use super::total::Total;

/// A family of all files.
#[derive(Debug)]
pub(crate) struct Combined {
    pub(crate) name: String,
    pub(super) help: String,
    pub(super) kind: MetricType,
    /// Of a gauge.
    pub(super) mode: Option<GaugeMode>,
    /// Whether files differ in its type, its mode or its help text.
    pub(super) has_conflict: bool,
    /// Whether they differ in more than the help text.
    pub(super) differs: bool,
    pub(super) children: Vec<Child>,
}

/// The samples with the same labels.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) labels: Vec<(String, String)>,
    /// The process, if each has its own series.
    pub(super) pid: Option<String>,
    /// By their names. A bucket is no sample here.
    pub(super) samples: Vec<(String, Total)>,
    /// By ascending bound; not cumulative.
    pub(super) buckets: Vec<Bucket>,
    /// When the value of a gauge was set, or 0.
    pub(super) times: Vec<f64>,
}

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) le: f64,
    /// The bound as it was written.
    pub(super) text: String,
    pub(super) total: Total,
}

/// The result of [`merge`](super::merge), whose documentation has an example.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Merged {
    /// The families, in the order in which the files have them.
    pub families: Vec<Family>,
    /// What was left out, and why: a file that is missing or is none of `prometheus_client`'s, or
    /// entries of a file.
    pub skipped: Vec<Error>,
}

/// A family, as `prometheus_client` has it: its name lacks the ending `_total` of a counter. See
/// the example of [`merge`](super::merge).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Family {
    /// The name of the family.
    pub name: String,
    /// The help text.
    pub help: String,
    /// The type: a counter, gauge, histogram or summary.
    pub kind: MetricType,
    /// How the values of a gauge were combined.
    pub mode: Option<GaugeMode>,
    /// The samples. Those of one histogram are neighbours: sum, buckets by ascending bound, count.
    pub samples: Vec<Sample>,
}

/// A sample of a family, which is a line of a page. See the example of [`merge`](super::merge).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// The name of the sample, such as `requests_total`.
    pub name: String,
    /// The labels, sorted by name; behind them `pid` if each process has its own series, and `le`
    /// of a bucket.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
}

impl Combined {
    /// The samples as `prometheus_client` has them. `accumulate`: buckets have the values of those
    /// below them too, and their sum is the count.
    pub(super) fn into_family(self, accumulate: bool) -> Family {
        let (bucket, count) = (format!("{}_bucket", self.name), format!("{}_count", self.name));
        let mut samples = Vec::new();
        for mut child in self.children {
            let pid = child.pid.map(|pid| ("pid".to_owned(), pid));
            child.labels.extend(pid);
            let labels = child.labels;
            let has_count = accumulate && !child.buckets.is_empty();
            for (name, total) in child.samples {
                // The count of the buckets takes the place of one that a file has.
                if !(has_count && name == count) {
                    samples.push(Sample { name, labels: labels.clone(), value: total.value() });
                }
            }
            let mut sum = Total::default();
            for Bucket { text, total, .. } in child.buckets {
                let mut labels = labels.clone();
                labels.push(("le".to_owned(), text));
                sum.add(total.value());
                let value = if accumulate { sum.value() } else { total.value() };
                samples.push(Sample { name: bucket.clone(), labels, value });
            }
            if has_count {
                samples.push(Sample { name: count.clone(), labels, value: sum.value() });
            }
        }
        let Self { name, help, kind, mode, .. } = self;
        Family { name, help, kind, mode, samples }
    }
}
