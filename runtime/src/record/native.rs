//! Observing in a native histogram.
//!
//! The sum and the rare places stand in the series' own cells, and behind them in each shard the
//! slots of the blocks that its thread has used. So a value takes two compares with the shard's
//! limit, one for the series and one for the block, and no address outside the shard.

use crate::model::cells::{BLOCK, CARRIES, NATIVE_HEAD, PLAIN_OCTAVES, SECONDS_OCTAVES, blocks};
use crate::model::native_schema::Schema;
use crate::segment::shard::{self, Cells};
use crate::store::{self, Target};

use super::operation::Operation;

/// Adds a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObserveNative {
    value: f64,
    schema: u8,
}

impl ObserveNative {
    /// Of a value that is no NaN.
    #[inline]
    pub(crate) fn new(value: f64, schema: u8) -> Self {
        Self { value, schema }
    }
}

impl Operation for ObserveNative {
    #[inline]
    fn last(self) -> u32 {
        NATIVE_HEAD + 2 * blocks(PLAIN_OCTAVES, self.schema)
    }

    #[inline]
    fn apply(self, cells: &impl Cells) {
        cells.add_f64(0, self.value);
        place(cells, (0, 1), self.value, self.schema, PLAIN_OCTAVES);
    }
}

/// Adds a duration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObserveNanosNative {
    pub(crate) nanos: u64,
    pub(crate) schema: u8,
    pub(crate) which: u32,
    pub(crate) of: u32,
}

impl ObserveNanosNative {
    #[inline]
    fn width(self) -> u32 {
        2 + NATIVE_HEAD + blocks(SECONDS_OCTAVES, self.schema)
    }
}

impl Operation for ObserveNanosNative {
    #[inline]
    fn last(self) -> u32 {
        self.of * self.width() - 1
    }

    #[inline]
    fn apply(self, cells: &impl Cells) {
        let at = self.which * self.width();
        if cells.add_carrying(at, self.nanos) {
            cells.add(at + CARRIES, 1);
        }
        let seconds = crate::clock::nanos_as_seconds(self.nanos);
        place(cells, (at, at + 2), seconds, self.schema, SECONDS_OCTAVES);
    }
}

/// The offsets of the rare places, and of the slots of blocks, from the end of the sum on.
const ZERO: u32 = 0;
const OVER: u32 = 1;
const UNDER: u32 = 2;
const UNPLACED: u32 = 3;

/// Counts a value. `at` are the offsets of the series' first cell, and of the first one behind the
/// sum.
#[inline]
fn place(cells: &impl Cells, at: (u32, u32), value: f64, schema: u8, octaves: (i32, i32)) {
    let head = at.1;
    let size = value.abs();
    if size <= power(octaves.0) {
        return cells.add(head + ZERO, 1);
    }
    if size > power(octaves.1) {
        return cells.add(head + if value > 0.0 { OVER } else { UNDER }, 1);
    }
    let Some(indices) = Schema::with_number(schema) else { return };
    let least = octaves.0 << schema;
    // The first bucket has the index behind that of the zero bucket.
    #[expect(clippy::cast_sign_loss, reason = "beyond the zero bucket")]
    let behind = (indices.index(size) - least - 1) as u32;
    let is_negative = value < 0.0;
    let (number, offset) = (behind / BLOCK, behind % BLOCK);
    let number = if is_negative { number + blocks(octaves, schema) } else { number };
    let map = head + NATIVE_HEAD + number;
    #[expect(clippy::cast_possible_truncation, reason = "a slot")]
    let slot = cells.get(map) as u32;
    match shard::own(slot, BLOCK - 1) {
        Some(block) if slot != 0 => block.add(offset, 1),
        _ => {
            #[expect(clippy::cast_possible_wrap, reason = "some thousands")]
            let first = least + 1 + (behind - offset) as i32;
            elsewhere(cells, at, Bucket { number, offset, first, is_negative });
        }
    }
}

/// 2 to this power.
#[inline]
#[expect(clippy::cast_sign_loss, reason = "of a normal number")]
const fn power(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// A bucket whose block this thread has not used yet, or may not write.
#[derive(Clone, Copy)]
struct Bucket {
    number: u32,
    offset: u32,
    first: i32,
    is_negative: bool,
}

#[cold]
#[inline(never)]
fn elsewhere(cells: &impl Cells, (series, head): (u32, u32), bucket: Bucket) {
    let Bucket { number, offset, first, is_negative } = bucket;
    let map = head + NATIVE_HEAD + number;
    let series = cells.slot() + series;
    // A thread that shares shard 0 finds here what another one has asked for.
    #[expect(clippy::cast_possible_truncation, reason = "a slot")]
    let known = Some(cells.get(map) as u32).filter(|slot| *slot != 0);
    let assigned = || store::native_block(series, number, first, is_negative);
    let Some(slot) = known.or_else(assigned) else { return cells.add(head + UNPLACED, 1) };
    match store::target(None, slot, BLOCK - 1).1 {
        Target::Own(block) => block.add(offset, 1),
        Target::Shared(block) => block.add(offset, 1),
        Target::Nowhere => return cells.add(head + UNPLACED, 1),
    }
    cells.set(map, slot.into());
}
