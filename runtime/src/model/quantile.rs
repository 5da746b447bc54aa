//! Quantiles of histograms, with the interval in which the true one lies.

use super::native_schema::upper_bound;
use super::{Bucket, HistogramValue, NativeBuckets};

/// A quantile of a histogram's values: an estimate, and what is certain.
///
/// ```
/// use headcount::{Collector, Histogram, Value, metric};
///
/// /// Time of a query.
/// #[metric(name = "quantile_query_seconds", buckets = [0.1, 1.0])]
/// static QUERY: Histogram;
///
/// QUERY.observe(0.25);
/// QUERY.observe(0.5);
/// let snapshot = Collector::new().names(["quantile_query_seconds"]).collect()?;
/// let family = snapshot.families().iter().find(|family| family.name == "quantile_query_seconds");
/// let Value::Histogram(histogram) = &family.unwrap().series[0].value else { unreachable!() };
/// let median = histogram.quantile(0.5).unwrap();
/// assert_eq!((median.low, median.high), (0.1, 1.0)); // certain
/// assert_eq!(median.value, 0.55); // half of the bucket's values are below
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Quantile {
    /// The estimate: as in Prometheus, the values of a bucket are assumed to be spread evenly over
    /// it. Values above the last finite bound are estimated as that bound; it is NaN if there is
    /// none.
    pub value: f64,
    /// The quantile is greater than this, the lower bound of its bucket; -Inf for the first bucket,
    /// which also counts negative values.
    pub low: f64,
    /// The quantile is less than or equal to this, the upper bound of its bucket; +Inf for the
    /// last.
    pub high: f64,
}

impl HistogramValue {
    /// Returns the `q`-quantile of all observed values: the least value that at least `q` of them,
    /// but at least one, do not exceed. `None` if there is no value yet, or if `q` is not between 0
    /// and 1.
    ///
    /// Buckets hide where in a bucket a value lies, so this is an estimate; the true quantile lies
    /// within [`low`](Quantile::low) and [`high`](Quantile::high). A histogram counts from its
    /// creation on: for the quantile of some time, use the difference of two snapshots,
    /// [`Snapshot::since`](super::Snapshot::since).
    ///
    /// ```
    /// use headcount::{Histogram, Value, metric};
    ///
    /// /// Sizes.
    /// #[metric(name = "quantile_size_bytes", buckets = [10.0, 100.0, 1000.0])]
    /// static SIZE: Histogram;
    ///
    /// for size in [3.0, 20.0, 30.0, 200.0] {
    ///     SIZE.observe(size);
    /// }
    /// let now = headcount::Collector::new().collect()?;
    /// let family = now.families().iter().find(|family| family.name == "quantile_size_bytes");
    /// let Some(Value::Histogram(sizes)) = family.map(|family| &family.series[0].value) else {
    ///     panic!("it was declared")
    /// };
    /// let median = sizes.quantile(0.5).expect("there are values");
    /// assert_eq!((median.low, median.value, median.high), (10.0, 55.0, 100.0));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        let count = self.count();
        if count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        if let Some(native) = &self.native {
            return Some(native.at_rank(rank(q, native.count())));
        }
        let rank = rank(q, count);
        let at = self.buckets.partition_point(|bucket| bucket.count < rank);
        let before = at.checked_sub(1).and_then(|before| self.buckets.get(before));
        let Bucket { le: high, count: up_to } = *self.buckets.get(at)?;
        let (low, below) =
            before.map_or((f64::NEG_INFINITY, 0), |before| (before.le, before.count));
        Some(Quantile { value: estimate(low, high, rank, below, up_to), low, high })
    }
}

impl NativeBuckets {
    /// All buckets with values, by ascending bounds: lower bound, upper bound, count.
    fn ascending(&self) -> impl Iterator<Item = (f64, f64, u64)> + '_ {
        let bound = |index: i32| upper_bound(self.schema, index);
        let ends = move |index: i32| (bound(index.saturating_sub(1)), bound(index));
        let negative = self.negative.iter().rev().map(move |(index, n)| {
            let (near, far) = ends(*index);
            (-far, -near, *n)
        });
        let positive = self.positive.iter().map(move |(index, n)| {
            let (near, far) = ends(*index);
            (near, far, *n)
        });
        let zero = (self.zero_count > 0).then_some(self.zero_threshold);
        let zero = zero.map(|bound| (-bound, bound, self.zero_count));
        negative.chain(zero).chain(positive)
    }

    /// Where value number `rank` lies, from 1 on. Values without a bucket may lie anywhere.
    pub(crate) fn at_rank(&self, rank: u64) -> Quantile {
        let (mut low, mut high, mut value) = (f64::NEG_INFINITY, f64::INFINITY, f64::NAN);
        let mut below = 0_u64;
        // If all values without a bucket were less than this one.
        let least = rank.saturating_sub(self.unplaced);
        for (from, to, n) in self.ascending() {
            let up_to = below.saturating_add(n);
            if below < least && least <= up_to {
                low = from;
            }
            if below < rank && rank <= up_to {
                (high, value) = (to, within(from, to, rank, below, up_to));
            }
            below = up_to;
        }
        Quantile { value, low, high }
    }
}

/// The place of value number `rank` in a native bucket: as in Prometheus, values are assumed to be
/// spread evenly over the logarithms.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn within(low: f64, high: f64, rank: u64, below: u64, up_to: u64) -> f64 {
    if low <= 0.0 && high >= 0.0 || high.is_infinite() || low.is_infinite() {
        return estimate(low, high, rank, below, up_to);
    }
    let part = rank.saturating_sub(below) as f64 / up_to.saturating_sub(below).max(1) as f64;
    low * (high / low).powf(part)
}

/// The number of values up to the quantile, from 1 to `count`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and count, and a count beyond 2^53 is a matter of rounding"
)]
fn rank(q: f64, count: u64) -> u64 {
    ((q * count as f64).ceil() as u64).clamp(1, count)
}

/// The place of value number `rank` in a bucket with those above `below` and up to `up_to`, if
/// these are spread evenly.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn estimate(low: f64, high: f64, rank: u64, below: u64, up_to: u64) -> f64 {
    if high == f64::INFINITY {
        return if low == f64::NEG_INFINITY { f64::NAN } else { low };
    }
    // As Prometheus: the first bucket begins at 0, unless it is one of negative values.
    let low = if low == f64::NEG_INFINITY { 0_f64.min(high) } else { low };
    // Saturating: a program may supply families whose buckets are not cumulative.
    let part = rank.saturating_sub(below) as f64 / up_to.saturating_sub(below).max(1) as f64;
    // Halves, since the difference of two numbers may be infinite.
    2.0 * (low / 2.0 + (high / 2.0 - low / 2.0) * part)
}

#[cfg(test)]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]
mod tests {
    use super::*;

    fn histogram(buckets: &[(f64, u64)]) -> HistogramValue {
        let buckets = buckets.iter().map(|(le, count)| Bucket { le: *le, count: *count });
        HistogramValue { buckets: buckets.collect(), sum: 0.0, native: None }
    }

    #[test]
    fn what_no_bucket_bounds_is_not_guessed() {
        let inf = f64::INFINITY;
        assert_eq!(histogram(&[(1.0, 0), (inf, 0)]).quantile(0.5), None);
        let all = histogram(&[(1.0, 2), (2.0, 2), (4.0, 3), (inf, 4)]);
        for q in [-0.1, 1.1, f64::NAN] {
            assert_eq!(all.quantile(q), None);
        }
        let at = |q| all.quantile(q).unwrap();
        assert_eq!(at(0.0), Quantile { value: 0.5, low: -inf, high: 1.0 });
        assert_eq!(at(0.5), Quantile { value: 1.0, low: -inf, high: 1.0 });
        assert_eq!(at(0.75), Quantile { value: 4.0, low: 2.0, high: 4.0 });
        assert_eq!(at(1.0), Quantile { value: 4.0, low: 4.0, high: inf });
        let negative = histogram(&[(-1.0, 1), (f64::MAX, 2), (inf, 2)]);
        assert_eq!(negative.quantile(0.1).map(|found| found.value), Some(-1.0));
        assert_eq!(negative.quantile(1.0).map(|found| found.value), Some(f64::MAX));
    }

    #[test]
    fn the_true_quantile_is_never_outside_the_interval() {
        let seed = 0x5eed;
        let mut state: u64 = seed;
        // A number between 0 and 1, without 0.
        let mut uniform = || {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            ((state >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
        };
        let bounds: Vec<f64> =
            (-20..12).map(|exponent| f64::from(exponent).exp2()).chain([f64::INFINITY]).collect();
        for kind in ["log-normal", "two humps", "heavy tail", "negative"] {
            for size in [1, 2, 3, 10, 999, 5000] {
                let mut values: Vec<f64> = (0..size)
                    .map(|_| {
                        let (a, b) = (uniform(), uniform());
                        let normal = (-2.0 * a.ln()).sqrt() * (b * core::f64::consts::TAU).cos();
                        match kind {
                            "log-normal" => (normal - 3.0).exp(),
                            "two humps" if b < 0.5 => 0.001 + a / 1e4,
                            "two humps" => 2.0 + a,
                            "heavy tail" => 0.01 / a.powf(1.5),
                            _ => normal,
                        }
                    })
                    .collect();
                values.sort_by(f64::total_cmp);
                let below = |le: f64| values.partition_point(|value| *value <= le) as u64;
                let found: Vec<(f64, u64)> = bounds.iter().map(|le| (*le, below(*le))).collect();
                let found = histogram(&found);
                for q in [0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0] {
                    let rank = ((q * size as f64).ceil() as usize).clamp(1, size);
                    let (truth, shown) = (values[rank - 1], found.quantile(q).unwrap());
                    assert!(
                        shown.low < truth && truth <= shown.high,
                        "{kind}, {size} values, {q}: {truth} is not in {shown:?}"
                    );
                    let within = shown.low <= shown.value && shown.value <= shown.high;
                    assert!(within || shown.high == f64::INFINITY, "{shown:?}");
                }
            }
        }
    }
}
