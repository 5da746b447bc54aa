//! Observing in a native histogram.
//!
//! The sum and the rare places stand in the series' own cells, and behind them in each shard the
//! slots of the blocks that its thread has used. So a value takes two compares with the shard's
//! limit, one for the series and one for the block, and no address outside the shard. What is not
//! in a block that this thread has used goes out of line.

use crate::fault;
use crate::model::cells::{
    BLOCK, CARRIES, FIRST_BUCKET, FIRST_BUCKET_OF_NANOS, NATIVE_HEAD, PLAIN_OCTAVES,
    PLAIN_POWERS_OF_4, SECONDS_OCTAVES, SECONDS_POWERS_OF_4, blocks,
};
use crate::model::native_schema::{GREATEST_SCHEMA, finest, finest_above};
use crate::segment::shard::Cells;
use crate::store::{self, Target};

use super::exemplar::Event;
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
        FIRST_BUCKET + NATIVE_HEAD + blocks(PLAIN_OCTAVES, self.schema) - 1
    }

    #[inline]
    fn apply(self, cells: &(impl Cells + Copy)) {
        cells.add_f64(0, self.value);
        let bits = self.value.to_bits();
        let place = finest(bits & !SIGN).wrapping_sub(const { finest_above(PLAIN_OCTAVES.0) });
        let end = const { finest_above(PLAIN_OCTAVES.1) - finest_above(PLAIN_OCTAVES.0) };
        // The blocks of negative values are behind the others.
        let sign = if bits & SIGN == 0 { 0 } else { end };
        let here = Head::<false> { series: 0, schema: self.schema };
        if !(place < end && here.count(cells, place + sign)) {
            here.count_rare(*cells, self.value);
        }
    }

    fn events(self, mut each: impl FnMut(Event)) {
        each(Event { series: 0, ..event(self.value, PLAIN_POWERS_OF_4) });
    }
}

const SIGN: u64 = 1 << 63;

/// Adds a duration to one of several histograms. The schema and their number are constants, so that
/// the operation is two words, which are passed in registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObserveNanosNative<const SCHEMA: u8, const OF: u32> {
    pub(crate) nanos: u64,
    pub(crate) which: u32,
}

impl<const SCHEMA: u8, const OF: u32> ObserveNanosNative<SCHEMA, OF> {
    const WIDTH: u32 = FIRST_BUCKET_OF_NANOS + NATIVE_HEAD + blocks(SECONDS_OCTAVES, SCHEMA) / 2;
}

impl<const SCHEMA: u8, const OF: u32> Operation for ObserveNanosNative<SCHEMA, OF> {
    #[inline]
    fn last(self) -> u32 {
        const { OF * Self::WIDTH - 1 }
    }

    #[inline]
    fn apply(self, cells: &(impl Cells + Copy)) {
        observe_nanos(cells, self.which * Self::WIDTH, self.nanos, SCHEMA);
    }

    fn events(self, mut each: impl FnMut(Event)) {
        let series = self.which * Self::WIDTH;
        each(Event { series, ..event_of_duration(self.nanos) });
    }
}

/// The event of a duration.
pub(super) fn event_of_duration(nanos: u64) -> Event {
    event(seconds(nanos), SECONDS_POWERS_OF_4)
}

/// An event of a native histogram. There is a place for each of the classic buckets in which
/// scrapers of text get it, whose bounds are the powers of 4 between these. One for each of its own
/// buckets would be kilobytes for each series, and a page has few of them.
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "there are some, and the second power is the greater"
)]
fn event(value: f64, (least, most): (i32, i32)) -> Event {
    let place = (least..=most).take_while(|n| f64::from(2 * n).exp2() < value).count();
    let places = (most - least) as u32 + 2;
    Event { series: 0, places, place: place as u32, value }
}

/// Adds a duration to the histogram whose cells begin at this offset.
#[inline]
fn observe_nanos(cells: &(impl Cells + Copy), at: u32, nanos: u64, schema: u8) {
    if cells.add_carrying(at, nanos) {
        cells.add(at + CARRIES, 1);
    }
    let seconds = seconds(nanos);
    let first = const { finest_above(SECONDS_OCTAVES.0) };
    let place = finest(seconds.to_bits()).wrapping_sub(first);
    let end = const { finest_above(SECONDS_OCTAVES.1) - finest_above(SECONDS_OCTAVES.0) };
    let here = Head::<true> { series: at, schema };
    if !(place < end && here.count(cells, place)) {
        here.count_rare(*cells, seconds);
    }
}

/// Adds the duration of a function that is timed without a name. Out of line: most programs have
/// classic buckets for these.
#[inline(never)]
pub(super) fn observe_function(cells: impl Cells + Copy, at: u32, nanos: u64, schema: u8) {
    observe_nanos(&cells, at, nanos, schema);
}

/// Multiplied, which takes a third of the time of a division: the next reading of the clock waits
/// for it. A whole power of two of a second comes to exactly that.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 * 1e-9
}

/// The offsets of the rare places, and of the slots of blocks, from the end of the sum on.
const ZERO: u32 = 0;
const OVER: u32 = 1;
const UNDER: u32 = 2;
const UNPLACED: u32 = 3;

/// A histogram, of durations or of plain values. It is two words, which are passed in registers.
#[derive(Clone, Copy)]
struct Head<const NANOS: bool> {
    /// The offset of its first cell.
    series: u32,
    schema: u8,
}

/// A bucket: the number of its block, and which one it is there.
type Bucket = (u32, u32);

impl<const NANOS: bool> Head<NANOS> {
    const OCTAVES: (i32, i32) = if NANOS { SECONDS_OCTAVES } else { PLAIN_OCTAVES };

    /// The offset of the first cell behind the sum.
    #[inline]
    fn head(self) -> u32 {
        self.series + if NANOS { FIRST_BUCKET_OF_NANOS } else { FIRST_BUCKET }
    }

    /// The bucket of a value that is in this one of the finest schema.
    #[inline]
    fn bucket(self, finest: u32) -> Bucket {
        let bucket = finest >> GREATEST_SCHEMA.wrapping_sub(self.schema);
        (bucket / BLOCK, bucket % BLOCK)
    }

    /// Counts a value in its bucket, if this thread has used the block before.
    #[inline]
    fn count(self, cells: &impl Cells, finest: u32) -> bool {
        let (number, offset) = self.bucket(finest);
        cells.add_in_block(self.head() + NATIVE_HEAD, number, offset)
    }

    /// Counts a value that has no block, or one that this thread has not used yet, or may not
    /// write. It takes the cells by value: a reference would have them in memory each time.
    #[cold]
    #[inline(never)]
    #[expect(clippy::needless_pass_by_value, reason = "see above")]
    fn count_rare(self, cells: impl Cells, value: f64) {
        let (size, is_negative) = (value.abs(), value < 0.0);
        let rare = if size <= power(Self::OCTAVES.0) {
            ZERO
        } else if size > power(Self::OCTAVES.1) {
            if is_negative { UNDER } else { OVER }
        } else {
            match self.count_in_new_block(&cells, size, is_negative) {
                Some(()) => return,
                None => UNPLACED,
            }
        };
        cells.add(self.head() + rare, 1);
    }

    fn count_in_new_block(self, cells: &impl Cells, size: f64, is_negative: bool) -> Option<()> {
        let (least, _) = Self::OCTAVES;
        let (number, offset) = self.bucket(finest(size.to_bits()) - finest_above(least));
        let first = (least << self.schema) + 1 + i32::try_from(number * BLOCK).ok()?;
        let behind = if is_negative { blocks(Self::OCTAVES, self.schema) } else { 0 };
        let (map, number) = (self.head() + NATIVE_HEAD, number + behind);
        // A thread that shares shard 0 finds here what another one has asked for.
        let known = Some(cells.block(map, number)).filter(|slot| *slot != 0);
        let series = cells.slot() + self.series;
        let slot = known.or_else(|| store::native_block(series, number, first, is_negative))?;
        match store::target(None, slot, BLOCK - 1).1 {
            Target::Own(block) => block.add(offset, 1),
            Target::Shared(block) => block.add(offset, 1),
            Target::Nowhere => return None,
        }
        fault::step!("native.note", cells.set_block(map, number, slot));
        Some(())
    }
}

/// 2 to this power.
#[expect(clippy::cast_sign_loss, reason = "of a normal number")]
const fn power(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}
