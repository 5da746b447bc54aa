//! The buckets of a native histogram, as far as they have values: added up, made coarser, shown.
//!
//! All operations are exact, and their order and grouping make no difference: a coarser bucket is a
//! union of finer ones, so counts of different schemas add up at the coarsest.

use super::native_schema::{GREATEST_SCHEMA, coarser, upper_bound};
use super::snapshot::NativeBuckets;
use super::sorted::SortedMap;

/// The coarsest schema that Prometheus reads.
const LEAST_SHOWN: i8 = -4;
/// The most buckets that are shown. Otherwise a series of values of all magnitudes would have
/// thousands.
pub(crate) const MOST_SHOWN: usize = 160;

/// Counts by bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buckets {
    /// 2^this buckets for each power of two; see `native_schema`.
    schema: i8,
    /// The zero bucket holds the values from `-2^this` to `2^this`, both included.
    zero_exponent: i32,
    zero: u64,
    /// Counts by index, of positive values and of negative ones by their absolute values. No count
    /// is 0, and no bucket reaches below the zero bucket's bound.
    positive: SortedMap<i32, u64>,
    negative: SortedMap<i32, u64>,
    /// Values in buckets for which there was no room. Nothing but their number is known.
    unplaced: u64,
}

impl Buckets {
    /// No values, in the finest schema and with the narrowest zero bucket: whatever is added
    /// decides both.
    pub(crate) fn new() -> Self {
        Self::of(i8::try_from(GREATEST_SCHEMA).unwrap_or(0), i32::MIN)
    }

    pub(crate) fn of(schema: i8, zero_exponent: i32) -> Self {
        let (positive, negative) = Default::default();
        Self { schema, zero_exponent, zero: 0, positive, negative, unplaced: 0 }
    }

    pub(crate) fn unplaced(&self) -> u64 {
        self.unplaced
    }

    pub(crate) fn zero(&self) -> (f64, u64) {
        (f64::from(self.zero_exponent).exp2(), self.zero)
    }

    /// The buckets of positive values, or those of negative ones, by ascending index.
    pub(crate) fn of_sign(&self, is_negative: bool) -> &SortedMap<i32, u64> {
        if is_negative { &self.negative } else { &self.positive }
    }

    /// The number of buckets that are not empty.
    pub(crate) fn len(&self) -> usize {
        self.positive.len().saturating_add(self.negative.len())
    }

    /// The number of all values.
    pub(crate) fn count(&self) -> u64 {
        let counts = self.positive.values().chain(self.negative.values());
        counts.fold(self.zero.saturating_add(self.unplaced), |sum, n| sum.saturating_add(*n))
    }

    pub(crate) fn add_zero(&mut self, n: u64) {
        self.zero = self.zero.saturating_add(n);
    }

    pub(crate) fn add_unplaced(&mut self, n: u64) {
        self.unplaced = self.unplaced.saturating_add(n);
    }

    /// Adds to a bucket of this schema.
    pub(crate) fn add_at(&mut self, is_negative: bool, index: i32, n: u64) {
        if n == 0 {
            return;
        }
        if index <= self.first_index().saturating_sub(1) {
            return self.add_zero(n);
        }
        let buckets = if is_negative { &mut self.negative } else { &mut self.positive };
        let count = buckets.or_default(index);
        *count = count.saturating_add(n);
    }

    /// The first bucket that is not part of the zero bucket.
    fn first_index(&self) -> i32 {
        // The bucket that ends at the zero bucket's bound is the last one of which it consists; in
        // a coarse schema, the bound is raised to the end of a bucket first.
        let end = if self.schema >= 0 {
            self.zero_exponent.saturating_mul(1 << self.schema)
        } else {
            coarser(self.zero_exponent, self.schema.unsigned_abs())
        };
        end.saturating_add(1)
    }

    /// Adds all values of another histogram.
    pub(crate) fn add(&mut self, other: &Self) {
        self.make_coarser(other.schema);
        self.raise_zero(other.zero_exponent);
        self.add_zero(other.zero);
        self.add_unplaced(other.unplaced);
        let steps = (other.schema - self.schema).unsigned_abs();
        for is_negative in [false, true] {
            for (index, n) in other.of_sign(is_negative).iter() {
                self.add_at(is_negative, coarser(*index, steps), *n);
            }
        }
        self.raise_zero_to_a_bound();
    }

    /// Joins buckets until the schema is no finer than this.
    pub(crate) fn make_coarser(&mut self, schema: i8) {
        if schema >= self.schema {
            return;
        }
        let steps = (self.schema - schema).unsigned_abs();
        self.schema = schema;
        for buckets in [&mut self.positive, &mut self.negative] {
            for (index, n) in core::mem::take(buckets) {
                let count = buckets.or_default(coarser(index, steps));
                *count = count.saturating_add(n);
            }
        }
        self.raise_zero_to_a_bound();
    }

    /// In a schema below 0, the zero bucket's bound may lie inside a bucket. If that has values,
    /// the zero bucket takes them in.
    fn raise_zero_to_a_bound(&mut self) {
        if self.schema >= 0 || self.zero_exponent == i32::MIN {
            return;
        }
        let steps = self.schema.unsigned_abs();
        self.raise_zero(coarser(self.zero_exponent, steps) << steps);
    }

    /// Makes the zero bucket wider.
    fn raise_zero(&mut self, exponent: i32) {
        if exponent <= self.zero_exponent {
            return;
        }
        self.zero_exponent = exponent;
        let first = self.first_index();
        for buckets in [&mut self.positive, &mut self.negative] {
            let above = buckets.split_off(&first);
            let below = core::mem::replace(buckets, above);
            self.zero = below.values().fold(self.zero, |sum, n| sum.saturating_add(*n));
        }
    }

    /// As it is shown: with so few buckets that every reader takes them.
    pub(crate) fn shown(mut self) -> Self {
        while self.positive.len() + self.negative.len() > MOST_SHOWN && self.schema > LEAST_SHOWN {
            self.make_coarser(self.schema - 1);
        }
        self
    }

    /// As it is shown.
    pub(crate) fn into_value(self) -> NativeBuckets {
        let shown = self.shown();
        let (zero_threshold, zero_count) = shown.zero();
        NativeBuckets {
            schema: shown.schema,
            zero_threshold,
            zero_count,
            positive: shown.positive.into_iter().collect(),
            negative: shown.negative.into_iter().collect(),
            unplaced: shown.unplaced,
        }
    }

    /// The number of values up to a bound that is the end of a bucket or of the zero bucket.
    pub(crate) fn up_to(&self, bound: f64) -> u64 {
        let sum = |sum: u64, n: &u64| sum.saturating_add(*n);
        if bound < 0.0 {
            let ends = |index: &i32| -upper_bound(self.schema, index.saturating_sub(1)) <= bound;
            let negative = self.negative.iter().filter(|(index, _)| ends(index));
            return negative.map(|(_, n)| n).fold(0, sum);
        }
        let all = self.negative.values().fold(self.zero, sum);
        let ends = |index: &i32| upper_bound(self.schema, *index) <= bound;
        self.positive.iter().take_while(|(index, _)| ends(index)).map(|(_, n)| n).fold(all, sum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::native_schema::index;
    use super::*;

    /// A source of numbers that are the same in each run.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            let x = self.0 ^ self.0 >> 33;
            x.wrapping_mul(0xFF51_AFD7_ED55_8CCD) >> 11
        }

        fn below(&mut self, n: u64) -> u64 {
            self.next() % n
        }

        fn value(&mut self) -> f64 {
            let exponent = i32::try_from(self.below(70)).unwrap() - 35;
            let from_1_to_2 = f64::from_bits(1023 << 52 | self.next() >> 1);
            let value = from_1_to_2 * f64::from(exponent).exp2();
            match self.below(8) {
                0 => -value,
                1 => f64::from(exponent).exp2(),
                2 => 0.0,
                _ => value,
            }
        }
    }

    fn observed(schema: i8, zero_exponent: i32, values: &[f64]) -> Buckets {
        let mut all = Buckets::of(schema, zero_exponent);
        for value in values {
            if value.abs() <= f64::from(zero_exponent).exp2() {
                all.add_zero(1);
            } else {
                all.add_at(*value < 0.0, index(schema.unsigned_abs(), value.abs()), 1);
            }
        }
        all
    }

    #[test]
    fn any_order_and_grouping_is_one_process_at_the_coarsest_schema() {
        let mut numbers = Numbers(1);
        for _ in 0..500 {
            let processes = numbers.below(6) + 1;
            let mut all = Vec::new();
            let mut parts = Vec::new();
            let (mut schema, mut zero) = (5, i32::MIN);
            for _ in 0..processes {
                let own = i8::try_from(numbers.below(6)).unwrap();
                let own_zero = if numbers.below(2) == 0 { -30 } else { -64 };
                let values: Vec<f64> = (0..numbers.below(100)).map(|_| numbers.value()).collect();
                parts.push(observed(own, own_zero, &values));
                all.extend(values);
                (schema, zero) = (schema.min(own), zero.max(own_zero));
            }
            let expected = observed(schema, zero, &all);
            // Pairs are joined at random until one is left.
            while parts.len() > 1 {
                let a = usize::try_from(numbers.below(parts.len() as u64)).unwrap();
                let other = parts.swap_remove(a);
                let b = usize::try_from(numbers.below(parts.len() as u64)).unwrap();
                parts[b].add(&other);
            }
            assert_eq!(parts[0], expected);
            let mut sum = Buckets::new();
            sum.add(&expected);
            assert_eq!(sum, expected);
            // Coarser at once or step by step, before or after: no difference.
            let (mut at_once, mut by_steps) = (expected.clone(), expected.clone());
            at_once.make_coarser(LEAST_SHOWN);
            (LEAST_SHOWN..schema).rev().for_each(|schema| by_steps.make_coarser(schema));
            assert_eq!(at_once, by_steps);
            let mut before = Buckets::new();
            for value in &all {
                let mut one = observed(schema, zero, &[*value]);
                one.make_coarser(LEAST_SHOWN);
                before.add(&one);
            }
            if !all.is_empty() {
                assert_eq!(before, at_once);
            }
        }
    }

    #[test]
    fn what_is_shown_only_gets_coarser_while_values_come() {
        let mut numbers = Numbers(2);
        let mut all = Buckets::of(5, -64);
        let mut before = all.clone().shown();
        for _ in 0..5_000 {
            let value = numbers.value();
            all.add(&observed(5, -64, &[value]));
            let shown = all.clone().shown();
            assert!(shown.schema <= before.schema && shown.zero().0 >= before.zero().0);
            assert!(shown.positive.len() + shown.negative.len() <= MOST_SHOWN);
            before.make_coarser(shown.schema);
            before.raise_zero(shown.zero_exponent);
            assert!(shown.zero >= before.zero, "no reset");
            for is_negative in [false, true] {
                for (index, n) in before.of_sign(is_negative).iter() {
                    assert!(shown.of_sign(is_negative).get(index) >= Some(n), "no reset");
                }
            }
            before = shown;
        }
        assert_eq!(all.count(), 5_000);
    }

    #[test]
    fn every_rank_lies_in_its_interval_with_and_without_lost_buckets() {
        let mut numbers = Numbers(3);
        for round in 0..300 {
            let schema = i8::try_from(numbers.below(6)).unwrap();
            let mut values: Vec<f64> = (0..=numbers.below(80)).map(|_| numbers.value()).collect();
            let lost = if round % 2 == 0 { 0 } else { numbers.below(values.len() as u64 + 1) };
            let (gone, placed) = values.split_at(usize::try_from(lost).unwrap());
            let mut all = observed(schema, -30, placed);
            all.add_unplaced(gone.len() as u64);
            let shown = all.into_value();
            values.sort_by(f64::total_cmp);
            assert_eq!(shown.count(), values.len() as u64);
            for (rank, truth) in (1..).zip(&values) {
                let found = shown.at_rank(rank);
                let (low, high) = (found.low, found.high);
                // The zero bucket has its lower bound too; a negative one has it at its far end.
                assert!(low <= *truth && *truth <= high, "{truth} is not in {low} to {high}");
            }
        }
    }
}
