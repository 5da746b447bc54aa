//! A series in which an instrument records, and the numbers that it takes.

use headcount::{Counter, Gauge, Histogram, Summary};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Series {
    Counter(Counter),
    FloatCounter(Counter<f64>),
    UpDown(Gauge),
    Gauge(Gauge),
    Histogram(Histogram),
    Summary(Summary),
    /// What can't be declared records nothing.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    U64(u64),
    I64(i64),
    F64(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::U64(number)
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::I64(number)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::F64(number)
    }
}

impl Number {
    #[expect(clippy::cast_precision_loss, reason = "gauges and histograms are floats")]
    fn to_f64(self) -> f64 {
        match self {
            Self::U64(number) => number as f64,
            Self::I64(number) => number as f64,
            Self::F64(number) => number,
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::U64(a), Self::U64(b)) => Self::U64(a.wrapping_add(b)),
            (Self::I64(a), Self::I64(b)) => Self::I64(a.wrapping_add(b)),
            _ => Self::F64(self.to_f64() + other.to_f64()),
        }
    }

    /// What a total has grown by since it was `before`. If it is smaller, its source has begun
    /// anew, and all of it is new.
    pub(crate) fn since(self, before: Self) -> Self {
        if let (Self::U64(now), Self::U64(before)) = (self, before) {
            return Self::U64(now.checked_sub(before).unwrap_or(now));
        }
        let (now, before) = (self.to_f64(), before.to_f64());
        Self::F64(if now >= before { now - before } else { now })
    }

    pub(crate) fn zero(self) -> Self {
        match self {
            Self::U64(_) => Self::U64(0),
            Self::I64(_) => Self::I64(0),
            Self::F64(_) => Self::F64(0.0),
        }
    }
}

impl Series {
    pub(crate) fn is_counter(self) -> bool {
        matches!(self, Self::Counter(_) | Self::FloatCounter(_))
    }

    /// `false` for a series that was removed, or couldn't be declared.
    #[inline]
    pub(crate) fn is_usable(self) -> bool {
        match self {
            Self::Counter(counter) => !counter.is_removed(),
            Self::FloatCounter(counter) => !counter.is_removed(),
            Self::UpDown(gauge) | Self::Gauge(gauge) => !gauge.is_removed(),
            Self::Histogram(histogram) => !histogram.is_removed(),
            Self::Summary(summary) => !summary.is_removed(),
            Self::Nothing => false,
        }
    }

    #[inline]
    pub(crate) fn record(self, number: Number) {
        match (self, number) {
            (Self::Counter(counter), Number::U64(n)) => counter.inc_by(n),
            (Self::FloatCounter(counter), number) => counter.inc_by(number.to_f64()),
            (Self::UpDown(gauge), number) => gauge.add(number.to_f64()),
            (Self::Gauge(gauge), number) => gauge.set(number.to_f64()),
            (Self::Histogram(histogram), number) => histogram.observe(number.to_f64()),
            (Self::Summary(summary), number) => summary.observe(number.to_f64()),
            // The API has no counter of other whole numbers.
            (Self::Counter(_) | Self::Nothing, _) => {}
        }
    }

    /// Takes over an observed value: that of a gauge, or what a counter has grown by.
    pub(crate) fn observe(self, number: Number) {
        match self {
            Self::UpDown(gauge) => gauge.set(number.to_f64()),
            _ => self.record(number),
        }
    }

    /// The value is no longer observed. A series without labels can't be removed.
    pub(crate) fn forget(self) {
        let (Self::UpDown(gauge) | Self::Gauge(gauge)) = self else { return };
        if !gauge.remove() {
            gauge.unset();
        }
    }
}
