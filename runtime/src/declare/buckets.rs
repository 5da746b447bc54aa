//! Bucket bounds by rule: in equal steps, or each a multiple of the previous one.

/// Returns `N` bucket bounds in equal steps: `start`, `start + width`, and so on. A histogram adds
/// `+Inf`.
///
/// Use it in `buckets = ..` of `#[metric]` and `#[timed]`, where the compiler evaluates it.
///
/// If both numbers have few decimal places, the bounds are computed as decimal numbers and rounded
/// once, so that they are the numbers that a person would write: steps of 0.1 include 0.3, and not
/// 0.30000000000000004. If they have many, a bound is `start + width * i` in floating point.
///
/// # Panics
///
/// Panics if `N` is 0, if `width` is not greater than 0, or if the bounds are not finite or do not
/// ascend because `width` is too small compared with `start`. In a constant, as in `buckets = ..`,
/// that is a compile error.
///
/// # Examples
///
/// ```
/// use headcount::{Histogram, linear_buckets, metric};
///
/// assert_eq!(linear_buckets::<4>(0.1, 0.1), [0.1, 0.2, 0.3, 0.4]);
///
/// /// How full the trains are.
/// #[metric(name = "train_load_ratio", buckets = linear_buckets::<3>(0.5, 0.25))]
/// static LOAD: Histogram;
///
/// LOAD.observe(0.6);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("train_load_ratio_bucket{le=\"0.75\"} 1\n"));
/// assert!(text.contains("train_load_ratio_bucket{le=\"1.0\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "more bounds than 2^53 are no histogram")]
#[track_caller]
pub const fn linear_buckets<const N: usize>(start: f64, width: f64) -> [f64; N] {
    assert!(N > 0, "a histogram needs at least one bucket bound");
    assert!(start.is_finite() && width.is_finite(), "bucket bounds must be finite");
    assert!(width > 0.0, "the width of linear buckets must be above 0");
    let mut bounds = [start; N];
    let mut i = 1;
    while i < N {
        bounds[i] = match decimal_step(start, width, i) {
            Some(bound) => bound,
            None => start + width * i as f64,
        };
        check(bounds[i - 1], bounds[i]);
        i += 1;
    }
    bounds
}

/// Returns `N` bucket bounds that grow: `start`, `start * factor`, `start * factor * factor`, and
/// so on. A histogram adds `+Inf`.
///
/// Use it in `buckets = ..` of `#[metric]` and `#[timed]`, where the compiler evaluates it.
///
/// The bounds are computed like those of [`linear_buckets`]: as decimal numbers, rounded once, as
/// long as their digits fit. Beyond that a bound is the previous one times `factor` in floating
/// point.
///
/// # Panics
///
/// Panics if `N` is 0, if `start` is not greater than 0, if `factor` is not greater than 1, or if
/// the bounds are not finite or do not ascend. In a constant, as in `buckets = ..`, that is a
/// compile error.
///
/// # Examples
///
/// ```
/// use headcount::{exponential_buckets, timed};
///
/// assert_eq!(exponential_buckets::<4>(0.001, 10.0), [0.001, 0.01, 0.1, 1.0]);
///
/// #[timed(name = "lookup_seconds", buckets = exponential_buckets::<8>(0.001, 2.0))]
/// fn look_up() {}
///
/// look_up();
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("lookup_seconds_bucket{le=\"0.128\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[must_use]
#[track_caller]
pub const fn exponential_buckets<const N: usize>(start: f64, factor: f64) -> [f64; N] {
    assert!(N > 0, "a histogram needs at least one bucket bound");
    assert!(start.is_finite() && factor.is_finite(), "bucket bounds must be finite");
    assert!(start > 0.0, "the start of exponential buckets must be above 0");
    assert!(factor > 1.0, "the factor of exponential buckets must be above 1");
    let step = Decimal::of(factor);
    let mut exact = Decimal::of(start);
    let mut bounds = [start; N];
    let mut i = 1;
    while i < N {
        exact = match (exact, step) {
            (Some(exact), Some(step)) => exact.times(step),
            _ => None,
        };
        bounds[i] = match exact {
            Some(exact) => exact.value(),
            None => bounds[i - 1] * factor,
        };
        check(bounds[i - 1], bounds[i]);
        i += 1;
    }
    bounds
}

#[track_caller]
const fn check(before: f64, bound: f64) {
    assert!(
        bound.is_finite(),
        "bucket bounds must be finite: there are too many, or they grow too fast"
    );
    assert!(before < bound, "bucket bounds must ascend: the step is too small");
}

/// `start + width * i`, where that is exact in decimal.
const fn decimal_step(start: f64, width: f64, i: usize) -> Option<f64> {
    let (Some(start), Some(width)) = (Decimal::of(start), Decimal::of(width)) else { return None };
    let scale = if start.scale > width.scale { start.scale } else { width.scale };
    // Each is below 2^53 * 10^15, so that neither these nor their product with an index exceeds 128
    // bits.
    let start = start.digits * 10_i128.pow(scale - start.scale);
    let width = width.digits * 10_i128.pow(scale - width.scale);
    let Some(far) = width.checked_mul(i as i128) else { return None };
    let Some(sum) = start.checked_add(far) else { return None };
    match Decimal::new(sum, scale) {
        Some(sum) => Some(sum.value()),
        None => None,
    }
}

/// A number as a person writes it: `digits / 10^scale`. Both are exact as `f64`, so that their
/// quotient is rounded once.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    scale: u32,
}

/// Integers up to here are exact as `f64`.
const MOST_DIGITS: i128 = 1 << 53;
/// Powers of ten up to this one are exact as `f64`.
const MOST_SCALE: u32 = 22;
/// Decimal places that a number is tried with.
const PLACES: u32 = 15;

impl Decimal {
    const fn new(mut digits: i128, mut scale: u32) -> Option<Self> {
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        if digits > MOST_DIGITS || digits < -MOST_DIGITS || scale > MOST_SCALE {
            return None;
        }
        Some(Self { digits, scale })
    }

    /// The shortest decimal number that reads as this one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::float_cmp,
        reason = "tried, and compared exactly"
    )]
    const fn of(value: f64) -> Option<Self> {
        let mut scale = 0;
        while scale <= PLACES {
            let scaled = value * power_of_ten(scale);
            let half = if value < 0.0 { -0.5 } else { 0.5 };
            let Some(tried) = Self::new((scaled + half) as i128, scale) else { return None };
            if tried.value() == value {
                return Some(tried);
            }
            scale += 1;
        }
        None
    }

    const fn times(self, other: Self) -> Option<Self> {
        Self::new(self.digits * other.digits, self.scale + other.scale)
    }

    #[expect(clippy::cast_precision_loss, reason = "no more than 2^53")]
    const fn value(self) -> f64 {
        self.digits as f64 / power_of_ten(self.scale)
    }
}

const fn power_of_ten(scale: u32) -> f64 {
    let mut power = 1.0;
    let mut i = 0;
    while i < scale {
        power *= 10.0;
        i += 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_numbers_that_people_write() {
        let tenths: [f64; 100] = linear_buckets(0.1, 0.1);
        for (i, bound) in tenths.into_iter().enumerate() {
            let written = format!("{}.{}", (i + 1) / 10, (i + 1) % 10);
            assert_eq!(bound, written.parse::<f64>().unwrap());
        }
        assert_eq!(linear_buckets::<4>(-0.3, 0.15), [-0.3, -0.15, 0.0, 0.15]);
        assert_eq!(linear_buckets::<3>(0.0, 5.0), [0.0, 5.0, 10.0]);
        assert_eq!(linear_buckets::<2>(1e-3, 1e-15), [0.001, 0.001_000_000_000_001]);
    }

    #[test]
    fn powers_are_the_numbers_that_people_write() {
        assert_eq!(exponential_buckets::<5>(0.1, 3.0), [0.1, 0.3, 0.9, 2.7, 8.1]);
        assert_eq!(exponential_buckets::<4>(1e-6, 10.0), [1e-6, 1e-5, 1e-4, 1e-3]);
        assert_eq!(exponential_buckets::<4>(0.5, 1.1), [0.5, 0.55, 0.605, 0.6655]);
        let doubled: [f64; 40] = exponential_buckets(0.001, 2.0);
        for pair in doubled.windows(2) {
            assert_eq!(pair[0] * 2.0, pair[1]);
        }
    }

    #[test]
    fn numbers_without_a_short_form_are_computed_in_binary() {
        let third = 1.0 / 3.0;
        assert_eq!(linear_buckets::<3>(third, third), [third, third + third, third + third * 2.0]);
        assert_eq!(exponential_buckets::<2>(1e300, 1e3), [1e300, 1e300 * 1e3]);
        // Decimal at first, then too long for it.
        let far: [f64; 60] = exponential_buckets(1.0, 1.7);
        for pair in far.windows(2) {
            assert!((pair[1] / pair[0] - 1.7).abs() < 1e-12, "{pair:?}");
        }
    }

    #[test]
    fn what_makes_no_buckets_is_refused() {
        let refused = |make: fn()| std::panic::catch_unwind(make).is_err();
        assert!(refused(|| _ = linear_buckets::<0>(1.0, 1.0)));
        assert!(refused(|| _ = linear_buckets::<2>(1.0, 0.0)));
        assert!(refused(|| _ = linear_buckets::<2>(1.0, f64::NAN)));
        assert!(refused(|| _ = linear_buckets::<2>(1e300, 1.0)));
        assert!(refused(|| _ = linear_buckets::<3>(0.0, f64::MAX)));
        assert!(refused(|| _ = exponential_buckets::<0>(1.0, 2.0)));
        assert!(refused(|| _ = exponential_buckets::<2>(0.0, 2.0)));
        assert!(refused(|| _ = exponential_buckets::<2>(-1.0, 2.0)));
        assert!(refused(|| _ = exponential_buckets::<2>(1.0, 1.0)));
        assert!(refused(|| _ = exponential_buckets::<3>(1.0, 1e200)));
    }
}
