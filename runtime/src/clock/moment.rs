//! Points in time, and the durations between them.
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

use core::sync::atomic::{AtomicU64, Ordering};

use super::counter;

/// A point in time, or none. It is compared with later readings of the same clock, because one call
/// may begin with one clock while the next one already uses the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    None,
    /// Nanoseconds of the system's clock.
    System(u64),
    /// Ticks of the counter.
    Counter(u64),
}

impl Moment {
    pub(crate) const NONE: Self = Self::None;

    #[inline(always)]
    pub(crate) fn elapsed_nanos(self) -> u64 {
        match self {
            // Never negative, even if the counters of two processors differ.
            Self::Counter(began) => counter::nanos(counter::ticks().saturating_sub(began)),
            Self::System(began) => system_nanos().saturating_sub(began),
            Self::None => 0,
        }
    }

    /// The nanoseconds until the time that a [`Mark`] has recorded, or until now if it has recorded
    /// none.
    #[inline(always)]
    pub(crate) fn nanos_until(self, noted: u64) -> u64 {
        if noted == 0 { self.elapsed_nanos() } else { self.nanos_until_noted(noted) }
    }

    #[inline]
    fn nanos_until_noted(self, noted: u64) -> u64 {
        match (self, noted & 3) {
            (Self::Counter(began), 2) => counter::nanos((noted >> 2).saturating_sub(began)),
            (Self::System(began), 1) => (noted >> 2).saturating_sub(began),
            // The counter was adopted in between: uses both clocks, up to now.
            (Self::System(_), 2) => {
                let since = counter::nanos(counter::ticks().saturating_sub(noted >> 2));
                self.elapsed_nanos().saturating_sub(since)
            }
            (began, _) => began.elapsed_nanos(),
        }
    }

    #[inline]
    pub(crate) fn elapsed_seconds(self) -> f64 {
        nanos_as_seconds(self.elapsed_nanos())
    }
}

/// A point in time that is recorded by other code than the code that uses it, possibly in another
/// thread.
#[derive(Debug)]
pub(crate) struct Mark(AtomicU64);

impl Mark {
    /// Nothing is recorded yet.
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Records the current time. Not inlined, because each function with arguments that may have to
    /// be dropped contains it twice: for returning and for unwinding.
    #[inline(never)]
    pub(crate) fn set(&self) {
        let bits = match now() {
            Moment::None => 0,
            // Neither clock reaches 2^62 ticks.
            Moment::System(nanos) => nanos << 2 | 1,
            Moment::Counter(ticks) => ticks << 2 | 2,
        };
        self.0.store(bits, Ordering::Relaxed);
    }

    /// The recorded time, for [`Moment::nanos_until`]; 0 if there is none.
    #[inline(always)]
    pub(crate) fn noted(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[inline(never)]
fn system_nanos() -> u64 {
    counter::monotonic()
}

#[inline(always)]
pub(crate) fn now() -> Moment {
    if counter::is_known() { Moment::Counter(counter::ticks()) } else { now_by_system() }
}

#[inline(never)]
fn now_by_system() -> Moment {
    counter::learn();
    Moment::System(counter::monotonic())
}

#[inline]
#[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
pub(crate) fn nanos_as_seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use super::*;

    /// Bounds the measured time by readings of the system's clock around it and within it.
    fn agrees_with_the_system(nap: Duration) -> Moment {
        let outer = Instant::now();
        let moment = now();
        let inner = Instant::now();
        sleep(nap);
        let least = inner.elapsed().as_nanos();
        let nanos = u128::from(moment.elapsed_nanos());
        let most = outer.elapsed().as_nanos();
        // The system's clock is adjusted, by 500 millionths at most.
        assert!(nanos + nanos / 1_000 + 100 >= least, "{nanos} of {least}..{most} by {moment:?}");
        assert!(nanos <= most + most / 1_000 + 100, "{nanos} of {least}..{most} by {moment:?}");
        moment
    }

    #[test]
    fn durations_are_the_systems_before_and_after_the_counter_takes_over() {
        counter::prepare();
        agrees_with_the_system(Duration::from_millis(1));
        let deadline = Instant::now() + Duration::from_secs(30);
        while counter::is_trusted() && !counter::is_known() && Instant::now() < deadline {
            let _ = now();
            sleep(Duration::from_millis(10));
        }
        let moment = agrees_with_the_system(Duration::from_millis(50));
        assert_eq!(counter::is_trusted(), matches!(moment, Moment::Counter(_)), "{moment:?}");
        assert_eq!(Moment::NONE.elapsed_nanos(), 0);
    }

    #[test]
    fn a_counter_that_went_back_measures_nothing() {
        assert_eq!(Moment::Counter(u64::MAX).elapsed_nanos(), 0);
    }
}
