//! A sum of values of many files: exact, as all sums of this library, and as fast as an addition
//! while no addition rounds, as with whole numbers.

use crate::model::exact_sum::ExactSum;

/// A sum that does not depend on the order of its parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Total {
    /// The sum so far, while it is exact.
    plain: f64,
    exact: Option<Box<ExactSum>>,
}

impl Total {
    /// The sum of one value, with its sign or its bits if it is zero or no number.
    pub(super) fn of(value: f64) -> Self {
        Self { plain: value, exact: None }
    }

    pub(super) fn add(&mut self, value: f64) {
        if self.exact.is_none() {
            let sum = self.plain + value;
            // What each of the two lost by the rounding. Never zero for what is not finite.
            let part = sum - self.plain;
            let lost = (self.plain - (sum - part)) + (value - part);
            if lost == 0.0 {
                self.plain = sum;
                return;
            }
        }
        self.exact_mut().add(value);
    }

    fn exact_mut(&mut self) -> &mut ExactSum {
        let plain = core::mem::take(&mut self.plain);
        let exact = self.exact.get_or_insert_default();
        exact.add(plain);
        exact
    }

    pub(super) fn value(&self) -> f64 {
        self.exact.as_ref().map_or(self.plain, |exact| exact.total())
    }

    pub(super) fn into_exact(mut self) -> ExactSum {
        core::mem::take(self.exact_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_the_exact_sum_in_any_order() {
        for values in [
            &[1.0, 2.0, 3.0][..],
            &[0.1, 0.2, 0.3, 1e16, -1e16],
            &[1e308, 1e308, -1e308],
            &[f64::INFINITY, 1.0],
            &[f64::INFINITY, f64::NEG_INFINITY, 1.0],
            &[f64::NAN],
            &[],
            &[-0.0],
        ] {
            let mut exact = ExactSum::default();
            for value in values {
                exact.add(*value);
            }
            for turn in 0..values.len().max(1) {
                let (mut total, mut order) = (Total::default(), values.to_vec());
                order.rotate_left(turn.min(values.len().saturating_sub(1)));
                for value in &order {
                    total.add(*value);
                }
                assert_eq!(total.value().to_bits(), exact.total().to_bits(), "{order:?}");
                assert_eq!(total.into_exact().total().to_bits(), exact.total().to_bits());
            }
        }
    }
}
