//! Sums of `f64` without any rounding, by other means than the library's: one long integer that
//! counts the smallest `f64` there is.

/// The sum of finite numbers that aren't negative.
#[derive(Debug, Clone)]
pub struct Exact {
    /// In units of 2^-1074, the lowest word first: up to the largest `f64`, and carries of many of
    /// them.
    words: [u64; 34],
}

impl Default for Exact {
    fn default() -> Self {
        Self { words: [0; 34] }
    }
}

impl Exact {
    /// The sum of all these.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = Self::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum
    }

    /// Adds one.
    pub fn add(&mut self, value: f64) {
        assert!(value.is_finite() && value >= 0.0, "{value}");
        let bits = value.abs().to_bits();
        // A subnormal number counts units; any other has one more digit than is written, and is
        // shifted.
        let (exponent, digits) = (bits >> 52, bits & ((1 << 52) - 1));
        let (shift, digits) =
            if exponent == 0 { (0, digits) } else { (exponent - 1, digits | (1 << 52)) };
        let first = usize::try_from(shift / 64).expect("few words");
        let mut carry = u128::from(digits) << (shift % 64);
        for word in &mut self.words[first..] {
            carry += u128::from(*word);
            #[expect(clippy::cast_possible_truncation, reason = "the low half")]
            {
                *word = carry as u64;
            }
            carry >>= 64;
        }
        assert_eq!(carry, 0, "more than a long integer holds");
    }

    /// The nearest `f64`; of two equally near, the even one.
    pub fn nearest(&self) -> f64 {
        let Some(top) = (0..64 * self.words.len()).rev().find(|at| self.bit(*at) == 1) else {
            return 0.0;
        };
        let shift = top.saturating_sub(52);
        let digits = (shift..=top).rev().fold(0, |digits, at| digits << 1 | self.bit(at));
        let half = shift > 0 && self.bit(shift - 1) == 1;
        let beyond = (1..shift).any(|at| self.bit(at - 1) == 1);
        let up = u64::from(half && (beyond || digits % 2 == 1));
        // The digit that isn't written, and a carry into it, count as one more in the exponent: as
        // they should.
        let nearest = f64::from_bits(((shift as u64) << 52) + digits + up);
        assert!(nearest.is_finite(), "more than an f64 holds");
        nearest
    }

    fn bit(&self, at: usize) -> u64 {
        self.words[at / 64] >> (at % 64) & 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_numbers_come_back() {
        let smallest = f64::from_bits(1);
        let numbers = [0.0, smallest, 3.0 * smallest, f64::MIN_POSITIVE, 0.1, 1.0, 1e300, f64::MAX];
        for number in numbers {
            assert_eq!(Exact::of([number]).nearest().to_bits(), number.to_bits());
        }
    }

    #[test]
    fn sums_are_rounded_once() {
        for (parts, expected) in [
            (&[0.1; 10][..], 1.0),
            (&[1e16, 1.0], 1e16),
            (&[1e16, 1.0, 1e-300], 1e16 + 2.0),
            (&[1e16, 1.0, 1.0], 1e16 + 2.0),
            (&[1e16, 3.0], 1e16 + 4.0),
            (&[9_007_199_254_740_991.0, 0.5], 9_007_199_254_740_992.0),
            (&[f64::MIN_POSITIVE; 2], 2.0 * f64::MIN_POSITIVE),
        ] {
            assert_eq!(Exact::of(parts.iter().copied()).nearest().to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn two_numbers_are_added_as_the_machine_adds_them() {
        let mut random = crate::random::Random::seeded();
        for _ in 0..10_000 {
            let (a, b) = (random.float(-100, 100), random.float(-100, 100));
            assert_eq!(Exact::of([a, b]).nearest().to_bits(), (a + b).to_bits(), "{a:e} + {b:e}");
        }
    }
}
