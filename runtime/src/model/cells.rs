//! The contents of a series' cells, and their number.

/// Cells, slots and widths stay below this number, so that the sum of a slot and a width does not
/// wrap in 32 bits.
pub(crate) const MAX_CELLS: u32 = 1 << 24;

pub(crate) const MAX_BOUNDS: usize = 1_001;

/// `[sum, carries, bucket 0 .. bucket n]`, the last bucket being that of +Inf.
pub(crate) const fn durations_width(bounds: u32) -> u32 {
    bounds + 3
}

/// A gauge's cell holds `bits ^ UNSET`, so that zero bits are a gauge that was never set.
pub(crate) const UNSET: u64 = 0x7ff8_6865_6164_6374;

/// The bits that the cell of a value holds. A zero cell is a gauge that was never set.
#[inline]
pub(crate) fn encode(value: f64) -> u64 {
    // A NaN with exactly the bits of the mark would read as unset; any other NaN serves as well.
    let bits = if value.to_bits() == UNSET { f64::NAN.to_bits() } else { value.to_bits() };
    bits ^ UNSET
}

#[inline]
pub(crate) fn decode(cell: u64) -> Option<f64> {
    (cell != 0).then(|| f64::from_bits(cell ^ UNSET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_and_none_reads_as_unset() {
        for value in [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
            assert_eq!(decode(encode(value)).map(f64::to_bits), Some(value.to_bits()));
        }
        assert!(decode(encode(f64::NAN)).is_some_and(f64::is_nan));
        assert!(decode(encode(f64::from_bits(UNSET))).is_some_and(f64::is_nan));
        assert_eq!(decode(0), None);
    }
}
