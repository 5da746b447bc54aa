//! What native histograms are compared with: random values, and the buckets of a value by a search.

use crate::random::Random;

/// A value of any magnitude and either sign; now and then one at a power of two, or 0.
pub fn value(random: &mut Random) -> f64 {
    let value = random.float(-40, 40);
    match random.below(10) {
        0 => -value,
        1 => 0.0,
        2 => f64::from_bits(value.to_bits() >> 52 << 52),
        3 => random.float(-80, 80),
        _ => value,
    }
}

/// The index of the bucket of a value above 0, by the definition: the least index whose bound is
/// not below the value.
pub fn index(schema: u32, value: f64) -> i32 {
    let per_octave = 1 << schema;
    let exponent = i32::try_from(value.to_bits() >> 52).expect("a positive value") - 1023;
    let fraction = f64::from_bits(value.to_bits() & ((1 << 52) - 1) | (1023 << 52));
    let bounds = (0..per_octave).map(|n| (f64::from(n) / f64::from(per_octave)).exp2());
    let below = bounds.filter(|bound| *bound < fraction).count();
    exponent * per_octave + i32::try_from(below).expect("few")
}
