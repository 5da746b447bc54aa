//! The buckets of native histograms, as Prometheus defines them: bucket `i` of schema `s` holds the
//! values above `2^((i-1) / 2^s)` and up to `2^(i / 2^s)`. So each schema has twice as many buckets
//! as the one below it, and every bucket of a schema is two of the next one.
//!
//! The index of a value comes from its bits: the exponent, and by the first digits of the mantissa
//! an entry of a table, which leaves one bound to compare with; adding compares. A binary search
//! would be twice to six times as slow, and a logarithm is wrong beside many bounds. One table, of
//! the finest schema, serves all.

/// The finest schema: 32 buckets for each power of two.
pub(crate) const GREATEST_SCHEMA: u8 = 5;
/// The schema of a declaration that names none: 8 buckets for each power of two.
pub(crate) const DEFAULT_SCHEMA: u8 = 3;

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
/// The digits of a mantissa that choose a step.
const CELL_BITS: u32 = GREATEST_SCHEMA as u32 + 1;
/// The number of buckets of the finest schema between two powers of two.
const MOST: usize = 1 << GREATEST_SCHEMA;

/// The mantissas of `2^(1/32)` .. `2^(31/32)`, each rounded to nearest.
const ROOTS: [u64; MOST - 1] = [
    0x0000_59b0_d315_8574,
    0x0000_b558_6cf9_890f,
    0x0001_1301_d012_5b51,
    0x0001_72b8_3c7d_517b,
    0x0001_d487_3168_b9aa,
    0x0002_387a_6e75_6238,
    0x0002_9e9d_f51f_dee1,
    0x0003_06fe_0a31_b715,
    0x0003_71a7_373a_a9cb,
    0x0003_dea6_4c12_3422,
    0x0004_4e08_6061_892d,
    0x0004_bfda_d536_2a27,
    0x0005_342b_569d_4f82,
    0x0005_ab07_dd48_5429,
    0x0006_247e_b03a_5585,
    0x0006_a09e_667f_3bcd,
    0x0007_1f75_e8ec_5f74,
    0x0007_a114_73eb_0187,
    0x0008_2589_994c_ce13,
    0x0008_ace5_422a_a0db,
    0x0009_3737_b0cd_c5e5,
    0x0009_c491_82a3_f090,
    0x000a_5503_b23e_255d,
    0x000a_e89f_995a_d3ad,
    0x000b_7f76_f2fb_5e47,
    0x000c_199b_dd85_529c,
    0x000c_b720_dcef_9069,
    0x000d_5818_dcfb_a487,
    0x000d_fc97_337b_9b5f,
    0x000e_a4af_a2a4_90da,
    0x000f_5076_5b6e_4540,
];

/// By the first digits of a mantissa: what is added to it so that the digits above the mantissa's
/// are the number of bounds of the finest schema below it. Twice as many entries as bounds: then at
/// most one bound is in what each of them stands for.
static STEPS: [u64; 2 * MOST] = {
    let mut steps = [0; 2 * MOST];
    let mut cell = 0;
    while cell < steps.len() {
        let first = (cell as u64) << (MANTISSA_BITS - CELL_BITS);
        let mut below = 0;
        while below < ROOTS.len() && ROOTS[below] < first {
            below += 1;
        }
        // Behind the last bound comes that of the next power of two, which no mantissa reaches.
        let next = if below < ROOTS.len() { ROOTS[below] } else { 1 << MANTISSA_BITS };
        steps[cell] = ((below as u64 + 1) << MANTISSA_BITS) - next;
        cell += 1;
    }
    steps
};

/// The bucket of a value in the finest schema, counted from that behind the least power of two
/// which the exponent of a number has room for: so it is never negative, except for 0, for which it
/// is beyond all others. `bits` are those of a value that has no sign.
///
/// A coarser bucket is a union of finer ones, so this divided by a power of two is the bucket in a
/// coarser schema.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "17 bits")]
pub(crate) fn finest(bits: u64) -> u32 {
    // The upper bound belongs to its bucket: of the next number below, no bound is reached.
    let bits = bits.wrapping_sub(1);
    let digits = bits >> (MANTISSA_BITS - CELL_BITS);
    let step = STEPS[digits as usize & (2 * MOST - 1)];
    let below = ((bits & MANTISSA) + step) >> MANTISSA_BITS;
    // The exponent times the number of buckets between two powers of two.
    let whole = digits >> 1 & !(MOST as u64 - 1);
    (whole + below) as u32
}

/// What [`finest`] returns for the first bucket above this power of two.
#[expect(clippy::cast_sign_loss, reason = "of a normal number")]
pub(crate) const fn finest_above(exponent: i32) -> u32 {
    ((exponent + 1023) as u32) << GREATEST_SCHEMA
}

/// The index of the bucket of a value that is finite, above 0, and not subnormal.
#[cfg(test)]
pub(crate) fn index(schema: u8, value: f64) -> i32 {
    let finest = i32::try_from(finest(value.to_bits())).unwrap_or(i32::MAX);
    ((finest - (1023 << GREATEST_SCHEMA)) >> (GREATEST_SCHEMA - schema)) + 1
}

/// The upper bound of a bucket: 0 below all normal numbers, infinite beyond all finite ones. The
/// schema may also be one below 0, in which a bucket is several powers of two wide.
pub(crate) fn upper_bound(schema: i8, index: i32) -> f64 {
    let (exponent, rest) = if schema < 0 {
        (index.saturating_mul(1 << schema.unsigned_abs().min(10)), 0)
    } else {
        let per_octave = 1 << schema.unsigned_abs().min(GREATEST_SCHEMA);
        (index.div_euclid(per_octave), index.rem_euclid(per_octave).unsigned_abs() as usize)
    };
    let finest = rest << GREATEST_SCHEMA.saturating_sub(schema.unsigned_abs());
    let mantissa = finest.checked_sub(1).and_then(|at| ROOTS.get(at)).copied().unwrap_or(0);
    match u64::try_from(exponent.saturating_add(1023)) {
        Ok(biased @ 1..=2046) => f64::from_bits(biased << 52 | mantissa),
        Ok(2047..) => f64::INFINITY,
        _ => 0.0,
    }
}

/// The bucket of a coarser schema in which a bucket lies; `steps` schemas coarser.
pub(crate) fn coarser(index: i32, steps: u8) -> i32 {
    // Rounded up, since bucket 0 ends at 1.
    -((-index) >> steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index by a search, as other libraries compute it.
    fn searched(schema: u8, value: f64) -> i32 {
        let bits = value.to_bits();
        let exponent = i32::try_from(bits >> 52).unwrap() - 1023;
        let fraction = f64::from_bits(bits & MANTISSA | 1023 << 52);
        let count = 1_i32 << schema;
        let bounds = (0..count).map(|i| (f64::from(i) / f64::from(count)).exp2());
        exponent * count + i32::try_from(bounds.filter(|bound| *bound < fraction).count()).unwrap()
    }

    #[test]
    fn every_bound_of_every_schema_and_its_neighbours_are_in_their_buckets() {
        for schema in 0..=GREATEST_SCHEMA {
            let count = 1_i32 << schema;
            for at in -1021 * count..1023 * count {
                let bound = upper_bound(i8::try_from(schema).unwrap(), at);
                for (by, expected) in [(-2_i64, 0), (-1, 0), (0, 0), (1, 1), (2, 1)] {
                    let value = f64::from_bits(bound.to_bits().wrapping_add_signed(by));
                    assert_eq!(index(schema, value), at + expected, "{bound}, {by}");
                    assert_eq!(index(schema, value), searched(schema, value), "{bound}, {by}");
                }
                for steps in 0..=schema {
                    assert_eq!(coarser(at, steps), index(schema - steps, bound), "{at}, {steps}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_finite_number_is_beyond_all_buckets() {
        let last = finest(f64::MAX.to_bits());
        assert_eq!(last + 1, finest_above(1024));
        for beyond in [f64::INFINITY, f64::NAN, 0.0] {
            assert!(finest(beyond.to_bits()) >= last, "{beyond}");
        }
        assert_eq!(finest(f64::INFINITY.to_bits()), last, "the bits before are those of the last");
        assert!(finest(f64::from_bits(1).to_bits()) < finest_above(-1021));
    }

    #[test]
    fn the_roots_are_rounded_to_nearest() {
        for (k, root) in (1_i32..).zip(ROOTS) {
            assert_eq!(f64::from_bits(root | 1023 << 52), (f64::from(k) / 32.0).exp2(), "{k}");
        }
    }
}
