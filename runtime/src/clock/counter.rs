//! The processor's time-stamp counter, once the length of its ticks is known.
//!
//! It is used if the kernel itself uses it as its clock source (then the kernel has verified that
//! the processors' counters agree) and the processor reports an invariant rate. The rate is
//! measured without waiting: one pair of readings when the process begins to record, another one
//! after 2^21 ticks, which is less than a millisecond on most processors, or later if the readings
//! were disturbed. A child inherits the rate.
//!
//! It is measured where it may be stated, too. Not every processor states it by `cpuid`, and a
//! hypervisor intercepts that instruction, which takes microseconds. The numbers in the page of the
//! kernel's vDSO are no interface, and a page of `perf_event_open`, where they are one, may be
//! forbidden. What is measured agrees with the system's clock by itself.
//!
//! The decision is never revised, so if the kernel stops trusting the counter later, this module
//! doesn't notice. Whether a duration includes the time for which the machine was suspended depends
//! on the counter: all of that time, or none.
//!
//! Two crates do the same and don't fit: `fastant` measures the rate for 20 ms in every program,
//! before `main`, and trusts the processor alone; `quanta` waits as well, at first use, behind a
//! `Once`, which must not be in progress during a fork.
#![cfg_attr(all(target_arch = "x86_64", not(miri)), expect(unsafe_code, reason = "an intrinsic"))]
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::kernel::{Clock, clock_ns};
use crate::process::relaxed;

/// The length of a tick, in units of 2^-32 nanoseconds; 0 until it is known.
static RATE: AtomicU64 = AtomicU64::new(0);

static STATE: AtomicU8 = AtomicU8::new(UNDECIDED);
const UNDECIDED: u8 = 0;
/// The system's clock is used for good; or a thread is just deciding that.
const SYSTEM: u8 = 1;
/// The first pair was read, and it is too early for the second.
const LEARNING: u8 = 2;
const KNOWN: u8 = 3;

/// The first pair, and what its reading took in ticks.
static FIRST_TOOK: AtomicU64 = AtomicU64::new(0);
static FIRST_TICKS: AtomicU64 = AtomicU64::new(0);
static FIRST_NANOS: AtomicU64 = AtomicU64::new(0);
/// For how long the machine had been suspended at that time.
static FIRST_SLEPT: AtomicU64 = AtomicU64::new(0);

/// The distance in ticks at which the second pair is read.
static APART: AtomicU64 = AtomicU64::new(1 << 21);

/// A pair is off by what its reading took at most. Together the two may be off by this part of the
/// distance between them: 61 millionths. The adjustment of the system's own clock is up to 500.
const PRECISION: u64 = 1 << 14;

/// Decides whether the kernel uses the counter, and reads the first pair. It opens a file, so it is
/// called when the process's segment is made, and not by a clock that may be read first inside a
/// program's sandbox.
pub(crate) fn prepare() {
    if !take(UNDECIDED) || !is_the_kernels_clock() {
        return;
    }
    let (took, ticks, nanos) = pair();
    FIRST_TOOK.store(took, Ordering::Relaxed);
    FIRST_TICKS.store(ticks, Ordering::Relaxed);
    FIRST_NANOS.store(nanos, Ordering::Relaxed);
    FIRST_SLEPT.store(slept(), Ordering::Relaxed);
    STATE.store(LEARNING, Ordering::Release);
}

/// Lets only one thread change a state; until it stores the next one, all others use the system's
/// clock. If the process forks in between, the child keeps using that.
fn take(state: u8) -> bool {
    STATE.compare_exchange(state, SYSTEM, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

/// Reads the second pair, if it is time to.
#[inline]
pub(super) fn learn() {
    if STATE.load(Ordering::Acquire) == LEARNING
        && ticks().wrapping_sub(FIRST_TICKS.load(Ordering::Relaxed))
            >= APART.load(Ordering::Relaxed)
    {
        learn_now();
    }
}

#[cold]
#[inline(never)]
fn learn_now() {
    // Asked here and not by every program that starts: a hypervisor intercepts the instruction.
    if !take(LEARNING) || !is_invariant() {
        return;
    }
    let (took, ticks, nanos) = pair();
    // If the machine was suspended meanwhile, one of the two stopped or was reset.
    let has_slept = slept().abs_diff(FIRST_SLEPT.load(Ordering::Relaxed)) > 1_000_000;
    let ticks = ticks.checked_sub(FIRST_TICKS.load(Ordering::Relaxed)).filter(|ticks| *ticks > 0);
    let nanos = nanos.checked_sub(FIRST_NANOS.load(Ordering::Relaxed));
    let (Some(ticks), Some(nanos), false) = (ticks, nanos, has_slept) else { return };
    if took.saturating_add(FIRST_TOOK.load(Ordering::Relaxed)) > ticks / PRECISION {
        // Something came in between. Farther apart, it matters less.
        APART.store(ticks.saturating_mul(2), Ordering::Relaxed);
        STATE.store(LEARNING, Ordering::Release);
        return;
    }
    let rate = u64::try_from((u128::from(nanos) << 32) / u128::from(ticks)).unwrap_or(u64::MAX);
    // Between 0.1 and 100 GHz. No processor is outside this range.
    if (1 << 32) / 100 < rate && rate < 10 << 32 {
        RATE.store(rate, Ordering::Release);
        STATE.store(KNOWN, Ordering::Release);
    }
}

/// Whether [`nanos`] can be used.
#[inline(always)]
pub(super) fn is_known() -> bool {
    // Relaxed: the rate is all that a thread needs.
    relaxed::load(&RATE) != 0
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "compared before")]
pub(super) fn nanos(ticks: u64) -> u64 {
    // It can't wrap: two words make at most two words.
    let product = u128::from(ticks).wrapping_mul(u128::from(relaxed::load(&RATE)));
    let nanos = product >> 32;
    if nanos > u128::from(u64::MAX) { u64::MAX } else { nanos as u64 }
}

/// Whether the counter is used, or will be.
#[cfg(test)]
pub(super) fn is_trusted() -> bool {
    STATE.load(Ordering::Relaxed) >= LEARNING
}

/// The counter and the system's clock at the same moment, and how long it took to read both, in
/// ticks: the least disturbed one of a few readings.
fn pair() -> (u64, u64, u64) {
    let reading = || {
        let before = ticks();
        let nanos = monotonic();
        let took = ticks().saturating_sub(before);
        (took, before + took / 2, nanos)
    };
    let best = (0..8).map(|_| reading()).min_by_key(|(took, ..)| *took);
    best.unwrap_or((u64::MAX, 0, 0))
}

/// For how long the machine was suspended since it started.
fn slept() -> u64 {
    clock_ns(Clock::Boot).saturating_sub(monotonic())
}

/// Nanoseconds of the clock that `Instant` uses.
pub(super) fn monotonic() -> u64 {
    clock_ns(Clock::Monotonic)
}

/// Seconds of the clock that costs no system call and only a few nanoseconds.
pub(crate) fn coarse_seconds() -> u64 {
    coarse_ns() / 1_000_000_000
}

/// Its nanoseconds, which lag behind the exact clock by up to ten milliseconds.
pub(crate) fn coarse_ns() -> u64 {
    clock_ns(Clock::Coarse)
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub(super) fn ticks() -> u64 {
    // Not ordered with the instructions around it; the effect is smaller than a call.
    // SAFETY: it exists on every processor of 64 bits. Where a process may not use it, the system's
    // clock, which the kernel bases on it, would not work either.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Whether the kernel keeps time by the counter.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn is_the_kernels_clock() -> bool {
    let mut name = [0_u8; 16];
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let len = crate::process::read_small(path, &mut name).unwrap_or(0);
    name.get(..len) == Some(b"tsc\n")
}

/// Whether the processor says that the counter's rate never changes.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn is_invariant() -> bool {
    use core::arch::x86_64::__cpuid;

    #[allow(unused_unsafe, reason = "newer compilers have it as a safe function")]
    // SAFETY: every processor of 64 bits has the instruction.
    let leaf = |number| unsafe { __cpuid(number) };
    // Advanced power management.
    leaf(0x8000_0000).eax >= 0x8000_0007 && leaf(0x8000_0007).edx & (1 << 8) != 0
}

// On other processors the system's clock is not much slower than the counter, and nobody has
// measured it. Miri has no counter.
#[cfg(any(not(target_arch = "x86_64"), miri))]
#[inline(always)]
pub(super) fn ticks() -> u64 {
    0
}

#[cfg(any(not(target_arch = "x86_64"), miri))]
fn is_the_kernels_clock() -> bool {
    false
}

#[cfg(any(not(target_arch = "x86_64"), miri))]
fn is_invariant() -> bool {
    false
}
