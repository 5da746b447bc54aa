//! Looks up values in a snapshot, and compares two of them: for tests of one's own metrics.

use std::collections::HashMap;

use super::{Bucket, HistogramValue, LabelSet, Number, Series, Snapshot, SummaryValue, Value};

impl Snapshot {
    /// Returns the value of one sample, as it is on a page, or `None` if there is no such sample.
    ///
    /// `name` is that of a sample: `jobs_total`, and of a histogram or a summary
    /// `job_seconds_count` and `job_seconds_sum`. A histogram's buckets are `job_seconds_bucket`
    /// with the label `le`, in any spelling of the number. The labels are all labels of the series,
    /// in any order; an empty value is the same as no label.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Counter, Histogram, metric};
    ///
    /// /// Mails sent.
    /// #[metric(name = "mails_total")]
    /// fn mails(kind: &str) -> Counter;
    ///
    /// /// Length of mails.
    /// #[metric(name = "mail_bytes", buckets = [100.0, 1000.0])]
    /// static BYTES: Histogram;
    ///
    /// mails("invoice").inc_by(2);
    /// BYTES.observe(120);
    /// let now = Collector::new().collect()?;
    /// assert_eq!(now.value("mails_total", &[("kind", "invoice")]), Some(2.0));
    /// assert_eq!(now.value("mails_total", &[("kind", "reminder")]), None);
    /// assert_eq!(now.value("mail_bytes_count", &[]), Some(1.0));
    /// assert_eq!(now.value("mail_bytes_bucket", &[("le", "1e3")]), Some(1.0));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let series = |family: &str, labels: &LabelSet| {
            let at = self.families.binary_search_by(|known| (*known.name).cmp(family)).ok()?;
            let series = &self.families.get(at)?.series;
            series.iter().find(|known| known.labels == *labels).map(|known| &known.value)
        };
        let all: LabelSet = labels.iter().copied().collect();
        if let Some(value) = series(name, &all) {
            return match value {
                Value::Counter(number) => Some(number.as_f64()),
                Value::Gauge(value) => Some(*value),
                Value::Histogram(_) | Value::Summary(_) => None,
            };
        }
        let (family, part) = name.rsplit_once('_')?;
        if part == "bucket" {
            let bound = all.get("le")?.parse().ok()?;
            let others: LabelSet = all.iter().filter(|(name, _)| *name != "le").collect();
            let Value::Histogram(histogram) = series(family, &others)? else { return None };
            let is_this = |bucket: &&Bucket| f64::total_cmp(&bucket.le, &bound).is_eq();
            return Some(integer(histogram.buckets.iter().find(is_this)?.count));
        }
        match (part, series(family, &all)?) {
            ("count", Value::Histogram(histogram)) => Some(integer(histogram.count())),
            ("sum", Value::Histogram(histogram)) => Some(histogram.sum),
            ("count", Value::Summary(summary)) => Some(integer(summary.count)),
            ("sum", Value::Summary(summary)) => Some(summary.sum),
            _ => None,
        }
    }

    /// Returns what has changed since an earlier snapshot: by how much counters, histograms and
    /// summaries have grown, and the present values of gauges that are others than before. Series
    /// that have not changed are left out.
    ///
    /// A series that is new has grown from 0. A counter that is smaller than before was removed in
    /// between, and counts from 0, as Prometheus takes it. What other processes, and other threads,
    /// do between the two snapshots is included.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, counted};
    ///
    /// #[counted]
    /// fn work() {}
    ///
    /// work();
    /// let collector = Collector::new().names(["function_calls_total"]);
    /// let before = collector.collect()?;
    /// work();
    /// work();
    /// let labels = [("function", "main::work"), ("module", module_path!())];
    /// let now = collector.collect()?;
    /// assert_eq!(now.value("function_calls_total", &labels), Some(3.0));
    /// assert_eq!(now.since(&before).value("function_calls_total", &labels), Some(2.0));
    /// assert!(collector.collect()?.since(&now).families().is_empty());
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[must_use = "returns a new snapshot"]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut families = self.families.clone();
        families.retain_mut(|family| {
            let known = earlier.families.binary_search_by(|known| known.name.cmp(&family.name));
            let known = known.ok().and_then(|at| earlier.families.get(at));
            let known = known.filter(|known| known.kind == family.kind);
            let known = known.map_or(&[][..], |known| &known.series);
            let known: HashMap<&LabelSet, &Value> =
                known.iter().map(|series| (&series.labels, &series.value)).collect();
            family.series.retain_mut(|Series { labels, value, .. }| match known.get(labels) {
                Some(before) => subtract(value, before),
                None => is_something(value),
            });
            !family.series.is_empty()
        });
        Self { families, skipped: self.skipped.clone() }
    }
}

/// Subtracts an earlier value; `false` if nothing has changed.
fn subtract(now: &mut Value, before: &Value) -> bool {
    match (&mut *now, before) {
        (Value::Counter(now), Value::Counter(before)) => *now = grown(*now, *before),
        (Value::Summary(now), Value::Summary(before)) if now.count >= before.count => {
            let (sum, count) = (now.sum - before.sum, now.count - before.count);
            *now = SummaryValue { sum, count };
        }
        (Value::Histogram(now), Value::Histogram(before)) => subtract_buckets(now, before),
        (Value::Gauge(now), Value::Gauge(before)) => return now.to_bits() != before.to_bits(),
        // It was removed in between. (One type has one form of value, and the types are the same.)
        _ => {}
    }
    is_something(now)
}

/// Whether anything was counted. A gauge is there once it was set, also to 0.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Counter(number) => number.as_f64() != 0.0,
        Value::Summary(summary) => summary.count > 0,
        Value::Histogram(histogram) => histogram.count() > 0,
        Value::Gauge(_) => true,
    }
}

fn grown(now: Number, before: Number) -> Number {
    match (now, before) {
        (Number::Integer(now), Number::Integer(before)) => {
            Number::Integer(now.checked_sub(before).unwrap_or(now))
        }
        (now, before) => {
            let (now, before) = (now.as_f64(), before.as_f64());
            Number::Float(if now >= before { now - before } else { now })
        }
    }
}

/// Buckets of other bounds than before are those of another declaration.
fn subtract_buckets(now: &mut HistogramValue, before: &HistogramValue) {
    let is_later = |(now, before): (&Bucket, &Bucket)| {
        f64::total_cmp(&now.le, &before.le).is_eq() && now.count >= before.count
    };
    let is_same = now.buckets.len() == before.buckets.len();
    if is_same && now.buckets.iter().zip(&before.buckets).all(is_later) {
        for (now, before) in now.buckets.iter_mut().zip(&before.buckets) {
            now.count -= before.count;
        }
        now.sum -= before.sum;
        now.native = now.native.take().and_then(|now| now.since(before.native.as_ref()?));
    }
}

#[expect(clippy::cast_precision_loss, reason = "as a page shows it")]
fn integer(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MetricFamily, MetricType, NativeBuckets};

    fn snapshot(families: Vec<MetricFamily>) -> Snapshot {
        Snapshot { families, skipped: Vec::new() }
    }

    fn histogram(counts: [u64; 2], sum: f64) -> Snapshot {
        let mut family = MetricFamily::gauge("h", "");
        family.kind = MetricType::Histogram;
        let buckets =
            [1.0, f64::INFINITY].into_iter().zip(counts).map(|(le, count)| Bucket { le, count });
        let value =
            Value::Histogram(HistogramValue { buckets: buckets.collect(), sum, native: None });
        family.series.push(Series::new(LabelSet::default(), value));
        snapshot(vec![family])
    }

    fn counter(value: f64) -> Snapshot {
        snapshot(vec![MetricFamily::counter("c_total", "").with_series(&[("a", "1")], value)])
    }

    #[test]
    fn native_buckets_are_subtracted_too_unless_they_have_become_coarser() {
        let native = |schema, zero_count, positive: &[(i32, u64)]| NativeBuckets {
            schema,
            zero_threshold: 0.5,
            zero_count,
            positive: positive.to_vec(),
            negative: Vec::new(),
            unplaced: 0,
        };
        let now = native(3, 5, &[(1, 4), (3, 2), (9, 1)]);
        let before = native(3, 5, &[(1, 1), (3, 2)]);
        assert_eq!(now.clone().since(&before), Some(native(3, 0, &[(1, 3), (9, 1)])));
        assert_eq!(now.clone().since(&native(4, 0, &[])), None);
        assert_eq!(before.since(&now), None);
    }

    #[test]
    fn what_has_grown_is_the_difference_and_what_has_not_is_absent() {
        let seen = |now: &Snapshot, before: &Snapshot| {
            now.since(before).value("c_total", &[("a", "1"), ("empty", "")])
        };
        assert_eq!(seen(&counter(5.0), &counter(2.0)), Some(3.0));
        assert_eq!(seen(&counter(5.0), &counter(5.0)), None);
        assert_eq!(seen(&counter(2.0), &counter(5.0)), Some(2.0), "it was removed in between");
        assert_eq!(seen(&counter(2.0), &snapshot(Vec::new())), Some(2.0));
        assert_eq!(seen(&counter(0.0), &snapshot(Vec::new())), None, "it has not grown");
        let other = snapshot(vec![MetricFamily::counter("c_total", "").with_series(&[], 1.0)]);
        assert_eq!(counter(0.0).since(&other).families.len(), 0, "nor has this one");
        assert_eq!(counter(5.0).since(&counter(5.0)).families.len(), 0);
        let grown = histogram([2, 4], 9.5).since(&histogram([1, 2], 1.5));
        let of = |name: &str| grown.value(name, &[]);
        assert_eq!((of("h_count"), of("h_sum"), of("h")), (Some(2.0), Some(8.0), None));
        let bucket = |le: &str| grown.value("h_bucket", &[("le", le)]);
        assert_eq!((bucket("1.00"), bucket("+Inf"), bucket("2")), (Some(1.0), Some(2.0), None));
        assert_eq!(histogram([1, 1], 1.0).since(&histogram([1, 1], 1.0)).families.len(), 0);
        // Fewer than before: it was removed, and counts from 0.
        let again = histogram([1, 1], 0.5).since(&histogram([2, 4], 9.5));
        assert_eq!(again.value("h_sum", &[]), Some(0.5));
    }

    #[test]
    fn gauges_are_there_if_they_are_others_than_before() {
        let gauge = |value| snapshot(vec![MetricFamily::gauge("g", "").with_series(&[], value)]);
        assert_eq!(gauge(1.0).since(&gauge(3.0)).value("g", &[]), Some(1.0));
        assert_eq!(gauge(f64::NAN).since(&gauge(f64::NAN)).families.len(), 0);
    }
}
