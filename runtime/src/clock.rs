//! The clock that durations are measured with: monotonic, in nanoseconds.
//!
//! One place, so that a cheaper clock can take over without a change elsewhere.

use std::time::Instant;

/// A point in time, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(Option<Instant>);

impl Moment {
    pub(crate) const NONE: Self = Self(None);

    #[inline]
    pub(crate) fn elapsed_nanos(self) -> u64 {
        // 584 years.
        self.0.map_or(0, |start| u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    #[inline]
    pub(crate) fn elapsed_seconds(self) -> f64 {
        nanos_as_seconds(self.elapsed_nanos())
    }
}

#[inline]
pub(crate) fn now() -> Moment {
    Moment(Some(Instant::now()))
}

#[inline]
#[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
pub(crate) fn nanos_as_seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
