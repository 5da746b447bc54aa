//! The time of single operations.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// Reads the processor's counter when all before is done, and before anything behind it begins.
#[cfg(target_arch = "x86_64")]
pub fn now() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // SAFETY: every processor of 64 bits has the instruction.
    unsafe { _mm_lfence() };
    // SAFETY: as above; where a process may not use it the system's clock would not work either.
    let ticks = unsafe { _rdtsc() };
    // SAFETY: as above.
    unsafe { _mm_lfence() };
    ticks
}

/// Elsewhere, the system's clock.
#[cfg(not(target_arch = "x86_64"))]
pub fn now() -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let time: Duration = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is one").into();
    u64::try_from(time.as_nanos()).expect("some years")
}

/// What a tick is, and what reading it costs.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    nanoseconds: f64,
    empty: u64,
}

impl Scale {
    pub fn find() -> Self {
        let (began, first) = (Instant::now(), now());
        while began.elapsed() < Duration::from_millis(50) {
            spin_loop();
        }
        let (took, ticks) = (began.elapsed(), now() - first);
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let nanoseconds = took.as_nanos() as f64 / ticks as f64;
        let mut empty: Vec<u64> = (0..10_001).map(|_| measured(|| ())).collect();
        empty.sort_unstable();
        Self { nanoseconds, empty: empty[empty.len() / 2] }
    }

    /// Without what reading the counter takes.
    pub fn nanoseconds(self, ticks: u64) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some seconds at most"
        )]
        let nanoseconds = (ticks.saturating_sub(self.empty) as f64 * self.nanoseconds) as u64;
        nanoseconds
    }

    pub fn ticks(self, time: Duration) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some microseconds"
        )]
        let ticks = (time.as_nanos() as f64 / self.nanoseconds) as u64;
        ticks
    }
}

/// Ticks from before to behind an operation.
pub fn measured(operation: impl FnOnce()) -> u64 {
    let began = now();
    operation();
    now() - began
}
