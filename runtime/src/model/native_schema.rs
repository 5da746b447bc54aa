//! The buckets of native histograms, as Prometheus defines them: bucket `i` of schema `s` holds the
//! values above `2^((i-1) / 2^s)` and up to `2^(i / 2^s)`. So each schema has twice as many buckets
//! as the one below it, and every bucket of a schema is two of the next one.
//!
//! The index of a value comes from its bits: the exponent, and by the first digits of the mantissa
//! an entry of a table, which leaves one bound to compare with. A binary search would be twice to
//! six times as slow, and a logarithm is wrong beside many bounds.

/// The finest schema: 32 buckets for each power of two.
pub(crate) const GREATEST_SCHEMA: u8 = 5;
/// The schema of a declaration that names none: 8 buckets for each power of two.
pub(crate) const DEFAULT_SCHEMA: u8 = 3;

const MANTISSA: u64 = (1 << 52) - 1;
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

/// What the index of a value is computed from.
pub(crate) struct Schema {
    number: u8,
    /// The mantissas of the bounds between two powers of two. The last one is that of the next
    /// power of two, which no mantissa reaches.
    bounds: [u64; MOST],
    /// For each beginning of a mantissa: how many bounds are below all mantissas that begin so.
    below: [u8; 2 * MOST],
}

impl Schema {
    const fn new(number: u8) -> Self {
        let count = 1 << number;
        let mut bounds = [1 << 52; MOST];
        let mut i = 0;
        while i + 1 < count {
            bounds[i] = ROOTS[((i + 1) << (GREATEST_SCHEMA - number)) - 1];
            i += 1;
        }
        // Twice as many cells as bounds: then at most one bound is in each.
        let shift = 52 - (number as u32 + 1);
        let mut below = [0; 2 * MOST];
        let mut cell = 0;
        while cell < 2 * count {
            let first = (cell as u64) << shift;
            let mut i = 0;
            while i + 1 < count {
                if bounds[i] < first {
                    below[cell] += 1;
                }
                i += 1;
            }
            cell += 1;
        }
        Self { number, bounds, below }
    }

    /// The schema of this number, if there is one.
    pub(crate) fn with_number(number: u8) -> Option<&'static Self> {
        SCHEMAS.get(usize::from(number))
    }

    /// The bucket of a value that is finite, above 0, and not subnormal.
    #[inline]
    pub(crate) fn index(&self, value: f64) -> i32 {
        // The upper bound belongs to its bucket: of the next number below, no bound is reached.
        let bits = value.to_bits() - 1;
        let exponent = (bits >> 52) as i32 - 1023;
        let mantissa = bits & MANTISSA;
        let cell = (mantissa >> (51 - u32::from(self.number))) as usize;
        let below = self.below[cell & (2 * MOST - 1)];
        // 1 if the mantissa is below that bound, by the sign of the difference: a comparison
        // would be a branch, which is wrong every other time.
        let bound = self.bounds[usize::from(below) & (MOST - 1)];
        let is_below = (mantissa.wrapping_sub(bound) >> 63) as i32;
        (exponent << self.number) + i32::from(below) + 2 - is_below
    }
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
    let mantissa = match (rest, Schema::with_number(schema.unsigned_abs())) {
        (1.., Some(schema)) => schema.bounds.get(rest - 1).copied().unwrap_or(0),
        _ => 0,
    };
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

static SCHEMAS: [Schema; MOST_SCHEMAS] = [
    Schema::new(0),
    Schema::new(1),
    Schema::new(2),
    Schema::new(3),
    Schema::new(4),
    Schema::new(5),
];
const MOST_SCHEMAS: usize = GREATEST_SCHEMA as usize + 1;

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
        for schema in &SCHEMAS {
            let count = 1_i32 << schema.number;
            for index in -1021 * count..1023 * count {
                let bound = upper_bound(i8::try_from(schema.number).unwrap(), index);
                for (by, expected) in [(-2_i64, 0), (-1, 0), (0, 0), (1, 1), (2, 1)] {
                    let value = f64::from_bits(bound.to_bits().wrapping_add_signed(by));
                    assert_eq!(schema.index(value), index + expected, "{bound}, {by}");
                    assert_eq!(
                        schema.index(value),
                        searched(schema.number, value),
                        "{bound}, {by}"
                    );
                }
                for steps in 0..=schema.number {
                    let coarse = &SCHEMAS[usize::from(schema.number - steps)];
                    assert_eq!(coarser(index, steps), coarse.index(bound), "{index}, {steps}");
                }
            }
        }
    }

    #[test]
    fn the_roots_are_rounded_to_nearest() {
        for (k, root) in (1_i32..).zip(ROOTS) {
            assert_eq!(f64::from_bits(root | 1023 << 52), (f64::from(k) / 32.0).exp2(), "{k}");
        }
    }
}
