//! The clock that durations are measured with: monotonic, in nanoseconds.
//!
//! Two reads of the system's clock are most of what a measured call costs, so where the processor's time-stamp counter can be trusted it
//! takes over, about a twentieth of a second after the process has begun to record. Before that,
//! and everywhere else, durations are the system's.

mod counter;

use core::sync::atomic::{AtomicU64, Ordering};

pub(crate) use counter::{coarse_seconds, prepare};

/// A point in time, or none. It is compared with later ones of its own clock: one may begin by one clock while the next already begins
/// by the other.
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

    #[inline]
    pub(crate) fn elapsed_nanos(self) -> u64 {
        match self {
            // Never less than nothing, whatever two processors' counters say.
            Self::Counter(began) => counter::nanos(counter::ticks().saturating_sub(began)),
            Self::System(began) => system_nanos().saturating_sub(began),
            Self::None => 0,
        }
    }

    /// The nanoseconds until what a [`Mark`] has noted, or until now if it has noted nothing.
    #[inline]
    pub(crate) fn nanos_until(self, noted: u64) -> u64 {
        match (self, noted & 3) {
            (Self::Counter(began), 2) => counter::nanos((noted >> 2).saturating_sub(began)),
            (Self::System(began), 1) => (noted >> 2).saturating_sub(began),
            // The counter has taken over in between: by both clocks until now.
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

/// A point in time that is noted by another than who asks for it. It may be noted in another
/// thread.
#[derive(Debug)]
pub(crate) struct Mark(AtomicU64);

impl Mark {
    /// Not noted yet.
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Notes this moment. Not inlined: it stands twice in each function whose arguments may have to
    /// be dropped, for returning and for unwinding.
    #[inline(never)]
    pub(crate) fn set(&self) {
        let bits = match now() {
            Moment::None => 0,
            // Neither clock has 2^62 ticks.
            Moment::System(nanos) => nanos << 2 | 1,
            Moment::Counter(ticks) => ticks << 2 | 2,
        };
        self.0.store(bits, Ordering::Relaxed);
    }

    /// What was noted, for [`Moment::nanos_until`]; 0 if nothing was.
    #[inline]
    pub(crate) fn noted(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[inline(never)]
fn system_nanos() -> u64 {
    counter::monotonic()
}

#[inline]
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

    /// What the system's clock says is at least, and at most, what lies between its reads and ours.
    fn agrees_with_the_system(nap: Duration) -> Moment {
        let outer = Instant::now();
        let moment = now();
        let inner = Instant::now();
        sleep(nap);
        let least = inner.elapsed().as_nanos();
        let nanos = u128::from(moment.elapsed_nanos());
        let most = outer.elapsed().as_nanos();
        // The system's clock is steered, by 500 millionths at most.
        assert!(nanos + nanos / 1_000 + 100 >= least, "{nanos} of {least}..{most} by {moment:?}");
        assert!(nanos <= most + most / 1_000 + 100, "{nanos} of {least}..{most} by {moment:?}");
        moment
    }

    #[test]
    fn durations_are_the_systems_before_and_after_the_counter_takes_over() {
        prepare();
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
