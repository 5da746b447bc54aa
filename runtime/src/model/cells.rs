//! The cells of a series: their number, their contents, and the table of how the cells of each
//! family are encoded.

use super::MetricType;
use super::mode::GaugeMode;
use super::native_schema::GREATEST_SCHEMA;
use super::table::table;

/// Cells, slots and widths stay below this number, so that the sum of a slot and a width does not
/// wrap in 32 bits.
pub(crate) const MAX_CELLS: u32 = 1 << 24;

pub(crate) const MAX_BOUNDS: usize = 1_001;

/// What a family of some type and some type of value has in its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Encoding {
    Counter,
    FloatCounter,
    Gauge,
    InProgress,
    OldestStart,
    Histogram,
    NanosHistogram,
    Summary,
    NanosSummary,
    Info,
    StateSet,
    Native,
    NanosNative,
}

/// What stands in the cells of one series, in this order. `FORMAT.md` has the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellLayout {
    /// `[v]`: an integer.
    Count,
    /// `[bits]`: an `f64`.
    FloatCount,
    /// One cell, which belongs to the process. The values of processes are not always added up.
    Gauge(GaugeCell),
    /// `[sum bits, b0 .. bn]`: the sum as an `f64`, and a count for each bucket, the last of them
    /// +Inf's. A summary has that one only.
    Buckets,
    /// `[sum, carries, b0 .. bn]`: the same with a sum in nanoseconds.
    NanosBuckets,
    /// `[sum bits, zero, over, under, unplaced, m0 .. mn]`: the sum of a native histogram as an
    /// `f64`, and the numbers of values in the zero bucket, beyond the last bucket of either sign,
    /// and in buckets for which there is no room. The buckets are in blocks of their own; in each
    /// shard, the writer keeps the slots of those that it has used in `m0 .. mn`.
    Native,
    /// `[sum, carries, zero, over, under, unplaced, m0 .. mn]`: the same in nanoseconds.
    NanosNative,
}

/// The cell of a gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GaugeCell {
    /// `[bits ^ UNSET]`; in modes that depend on time `[T, bits ^ UNSET]`.
    Value,
    /// `[v]`, added up over threads: calls in progress.
    Running,
    /// [`PLACES`] cells, each `[start << 20 | calls]`: when calls in progress began.
    Started,
    /// `[unused]`: the series is there, which is all that it says.
    Present,
    /// `[T]`: when this state was entered.
    State,
}

/// The unit in which a series compares values with the bounds of its buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BoundsUnit {
    /// There are no buckets.
    None,
    OfTheFamily,
    Nanos,
}

struct Row {
    metric: MetricType,
    layout: CellLayout,
}

const fn row(metric: MetricType, layout: CellLayout) -> Row {
    Row { metric, layout }
}

// The codes are those of the type and of the value in a FAMILY record.
table! {
    Encoding, (u8, u8), Row:
    Counter        = (1, 1), row(MetricType::Counter,   CellLayout::Count);
    FloatCounter   = (1, 2), row(MetricType::Counter,   CellLayout::FloatCount);
    Gauge          = (2, 2), row(MetricType::Gauge,     CellLayout::Gauge(GaugeCell::Value));
    InProgress     = (2, 4), row(MetricType::Gauge,     CellLayout::Gauge(GaugeCell::Running));
    OldestStart    = (2, 5), row(MetricType::Gauge,     CellLayout::Gauge(GaugeCell::Started));
    Histogram      = (3, 2), row(MetricType::Histogram, CellLayout::Buckets);
    NanosHistogram = (3, 3), row(MetricType::Histogram, CellLayout::NanosBuckets);
    Summary        = (4, 2), row(MetricType::Summary,   CellLayout::Buckets);
    NanosSummary   = (4, 3), row(MetricType::Summary,   CellLayout::NanosBuckets);
    Info           = (5, 1), row(MetricType::Info,      CellLayout::Gauge(GaugeCell::Present));
    StateSet       = (6, 1), row(MetricType::StateSet,  CellLayout::Gauge(GaugeCell::State));
    Native         = (7, 2), row(MetricType::Histogram, CellLayout::Native);
    NanosNative    = (7, 3), row(MetricType::Histogram, CellLayout::NanosNative);
}

impl Encoding {
    /// The type of the family.
    pub(crate) const fn metric(self) -> MetricType {
        self.row().metric
    }

    pub(crate) const fn layout(self) -> CellLayout {
        self.row().layout
    }

    /// Whether a family may be declared with this mode, or without one.
    pub(crate) const fn allows(self, mode: Option<GaugeMode>) -> bool {
        match mode {
            // What is counted is not set at any time.
            Some(mode) if mode.is_recent() && matches!(self, Self::InProgress) => false,
            // It is left behind by a process that ends, or else it ends with it.
            Some(mode) if matches!(self, Self::Info) => matches!(mode, GaugeMode::Max),
            // Whoever is dead has no calls in progress, and of the living only the oldest counts.
            Some(mode) if matches!(self, Self::OldestStart) => matches!(mode, GaugeMode::LiveMin),
            mode => mode.is_some() == self.metric().has_mode(),
        }
    }

    /// How the archive encodes it. A gauge is archived as a value, in whichever way its cells
    /// encoded it.
    pub(crate) const fn archived(self) -> Self {
        match self.layout() {
            CellLayout::Gauge(GaugeCell::Running | GaugeCell::Started) => Self::Gauge,
            CellLayout::Gauge(GaugeCell::Value | GaugeCell::Present | GaugeCell::State)
            | CellLayout::Count
            | CellLayout::FloatCount
            | CellLayout::Buckets
            | CellLayout::NanosBuckets
            | CellLayout::Native
            | CellLayout::NanosNative => self,
        }
    }
}

impl CellLayout {
    /// The number of cells of one series.
    pub(crate) const fn width(self, mode: Option<GaugeMode>, bounds: u32, schema: u8) -> u32 {
        match self {
            Self::Count | Self::FloatCount => 1,
            Self::Gauge(GaugeCell::Started) => PLACES,
            Self::Gauge(_) => {
                if self.is_stamped(mode) {
                    2
                } else {
                    1
                }
            }
            Self::Buckets => FIRST_BUCKET + bounds + 1,
            Self::NanosBuckets => durations_width(bounds),
            Self::Native => FIRST_BUCKET + NATIVE_HEAD + blocks(PLAIN_OCTAVES, schema),
            Self::NanosNative => {
                FIRST_BUCKET_OF_NANOS + NATIVE_HEAD + blocks(SECONDS_OCTAVES, schema) / 2
            }
        }
    }

    /// Whether the cells are those of a gauge, and belong to the process.
    pub(crate) const fn is_gauge(self) -> bool {
        matches!(self, Self::Gauge(_))
    }

    /// Whether the first cell is the time at which the second one was set.
    pub(crate) const fn is_stamped(self, mode: Option<GaugeMode>) -> bool {
        match (self, mode) {
            (Self::Gauge(GaugeCell::Value), Some(mode)) => mode.is_recent(),
            _ => false,
        }
    }

    /// The offset of the cell that holds an `f64`, which must not be added up as an integer.
    pub(crate) const fn float(self) -> Option<u32> {
        match self {
            Self::FloatCount | Self::Buckets | Self::Native => Some(0),
            Self::Count | Self::NanosBuckets | Self::NanosNative | Self::Gauge(_) => None,
        }
    }

    /// Whether series may have exemplars: what they count are single events. A summary has the
    /// cells of a histogram; a writer gives it none.
    pub(crate) const fn has_exemplars(self) -> bool {
        !self.is_gauge()
    }

    /// Whether the second cell counts how often the first one has passed 2^64.
    pub(crate) const fn has_carries(self) -> bool {
        match self {
            Self::NanosBuckets | Self::NanosNative => true,
            Self::Count | Self::FloatCount | Self::Buckets | Self::Native | Self::Gauge(_) => false,
        }
    }

    /// Whether it is that of a native histogram.
    pub(crate) const fn is_native(self) -> bool {
        self.octaves().is_some()
    }

    /// The powers of two between which a native histogram has buckets.
    pub(crate) const fn octaves(self) -> Option<(i32, i32)> {
        match self {
            Self::Native => Some(PLAIN_OCTAVES),
            Self::NanosNative => Some(SECONDS_OCTAVES),
            Self::Count
            | Self::FloatCount
            | Self::Buckets
            | Self::NanosBuckets
            | Self::Gauge(_) => None,
        }
    }

    /// The unit of the buckets' bounds.
    pub(crate) const fn bounds(self) -> BoundsUnit {
        match self {
            Self::Buckets => BoundsUnit::OfTheFamily,
            Self::NanosBuckets => BoundsUnit::Nanos,
            Self::Count | Self::FloatCount | Self::Native | Self::NanosNative | Self::Gauge(_) => {
                BoundsUnit::None
            }
        }
    }

    /// A bound in the family's unit.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    pub(crate) fn bound(self, bits: u64) -> f64 {
        match self.bounds() {
            BoundsUnit::Nanos => bits as f64 / 1e9,
            BoundsUnit::OfTheFamily | BoundsUnit::None => f64::from_bits(bits),
        }
    }
}

/// The number of calls in progress of which a process notes exactly when they began.
pub(crate) const PLACES: u32 = 16;
/// The low bits of a place: the number of calls in it. The bits above are when the first of them
/// began, in milliseconds since 1970. A place without calls is 0.
pub(crate) const CALLS_IN_PLACE: u64 = (1 << START_SHIFT) - 1;
pub(crate) const START_SHIFT: u32 = 20;

/// The cells of a native histogram behind its sum: zero, over, under, unplaced.
pub(crate) const NATIVE_HEAD: u32 = 4;
/// The cells of a block of a native histogram: neighbouring buckets.
pub(crate) const BLOCK: u32 = 32;
/// Native histograms have buckets for the powers of two from the first of these up to the second.
/// The zero bucket holds what is nearer to zero.
pub(crate) const PLAIN_OCTAVES: (i32, i32) = (-64, 64);
pub(crate) const SECONDS_OCTAVES: (i32, i32) = (-30, 34);

/// The classic buckets in which scrapers of text get a native histogram: their bounds are these
/// powers of 4. Of durations from 0.95 microseconds to 64 seconds.
pub(crate) const PLAIN_POWERS_OF_4: (i32, i32) = (-5, 10);
pub(crate) const SECONDS_POWERS_OF_4: (i32, i32) = (-10, 3);

/// The number of blocks of one sign. The slots of two blocks share a cell.
#[expect(clippy::cast_sign_loss, reason = "the second one is the greater")]
pub(crate) const fn blocks(octaves: (i32, i32), schema: u8) -> u32 {
    // A file may name a schema that there is not; it is refused later.
    let schema = if schema > GREATEST_SCHEMA { GREATEST_SCHEMA } else { schema };
    (((octaves.1 - octaves.0) as u32) << schema) / BLOCK
}

/// The offset of the first bucket, behind the sum as an `f64`.
pub(crate) const FIRST_BUCKET: u32 = 1;
/// The offset of the carries, behind the sum in nanoseconds.
pub(crate) const CARRIES: u32 = 1;
/// The offset of the first bucket behind these.
pub(crate) const FIRST_BUCKET_OF_NANOS: u32 = 2;

/// The number of cells of a histogram in nanoseconds, for a number of bounds.
pub(crate) const fn durations_width(bounds: u32) -> u32 {
    FIRST_BUCKET_OF_NANOS + bounds + 1
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
    fn every_code_stands_for_one_encoding_and_no_other_for_any() {
        let codes =
            (0..=u8::MAX).flat_map(|metric| (0..=u8::MAX).map(move |value| (metric, value)));
        let known: Vec<(u8, u8)> =
            codes.filter(|code| Encoding::with_code(*code).is_some()).collect();
        let expected = [
            (1, 1),
            (1, 2),
            (2, 2),
            (2, 4),
            (2, 5),
            (3, 2),
            (3, 3),
            (4, 2),
            (4, 3),
            (5, 1),
            (6, 1),
            (7, 2),
            (7, 3),
        ];
        assert_eq!(known, expected);
        for a in Encoding::ALL {
            assert_eq!(Encoding::with_code(a.code()), Some(*a));
            for b in Encoding::ALL {
                if a.code().0 == b.code().0 {
                    assert_eq!(a.metric(), b.metric(), "{a:?}, {b:?}");
                }
            }
        }
        // The archive is sorted by this.
        assert!(Encoding::ALL.is_sorted_by_key(|encoding| encoding.code()));
        assert!(Encoding::ALL.is_sorted());
    }

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
