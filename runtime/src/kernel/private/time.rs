//! Clocks. There is one, and it has three names.
#![cfg_attr(unix, expect(unsafe_code, reason = "a clock as a number"))]

#[derive(Clone, Copy)]
#[allow(dead_code, reason = "only where the processor's counter is used")]
pub(crate) enum Clock {
    Monotonic,
    Coarse,
    Boot,
}

/// Nanoseconds of the clock that nobody can set.
#[cfg(unix)]
#[inline]
pub(crate) fn clock_ns(_: Clock) -> u64 {
    let mut time = core::mem::MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: writes one `timespec` through the pointer, which is a live local of that type,
    // borrowed by nobody else.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr()) };
    // SAFETY: numbers, for which zeros are valid, whatever was written.
    let time = unsafe { time.assume_init() };
    #[allow(clippy::unnecessary_fallible_conversions, reason = "other types elsewhere")]
    let [seconds, nanos] = [u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec)];
    seconds.unwrap_or(0).wrapping_mul(1_000_000_000).wrapping_add(nanos.unwrap_or(0))
}

/// Nanoseconds since somebody asked first: the standard library's clock has no number. No process
/// forks here, so the lock of the first use is nobody's for long.
#[cfg(not(unix))]
pub(crate) fn clock_ns(_: Clock) -> u64 {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let since = BEGAN.get_or_init(std::time::Instant::now).elapsed();
    // Not 0, which means that there is no time.
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
}
