//! Words of memory that threads share without an order between them: the few operations that every
//! recorded event consists of.
//!
//! A user's dev build does not optimise this library either. There `AtomicU64::load` is two calls
//! and 27 instructions, of which a call with four attributes has a dozen. So in such a build, which
//! has debug assertions, the operations are the instructions that the optimiser makes of them.
#![expect(unsafe_code, reason = "instructions, and a cell by its address")]
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

#[cfg(all(debug_assertions, target_arch = "x86_64", not(miri)))]
pub(crate) use by_hand::{add, add_carrying, fence, load, load_u32};
#[cfg(not(all(debug_assertions, target_arch = "x86_64", not(miri))))]
pub(crate) use plain::{add, add_carrying, fence, load, load_u32};

#[cfg_attr(all(debug_assertions, target_arch = "x86_64", not(miri)), cfg(test))]
mod plain {
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, compiler_fence};

    #[inline(always)]
    pub(crate) fn load(word: &AtomicU64) -> u64 {
        word.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn load_u32(word: &AtomicU32) -> u32 {
        word.load(Ordering::Relaxed)
    }

    /// What follows stays behind what was loaded before, as a signal handler sees it.
    #[inline(always)]
    pub(crate) fn fence() {
        compiler_fence(Ordering::Acquire);
    }

    /// Adds to a cell that no other thread writes, modulo 2^64.
    ///
    /// # Safety
    ///
    /// The cell is valid and accessed by atomics only.
    #[inline(always)]
    pub(crate) unsafe fn add(cell: *const AtomicU64, n: u64) {
        // SAFETY: as the caller promised.
        let cell = unsafe { &*cell };
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// The same, and whether the cell passed 2^64.
    ///
    /// # Safety
    ///
    /// As for [`add`].
    #[inline(always)]
    pub(crate) unsafe fn add_carrying(cell: *const AtomicU64, n: u64) -> bool {
        // SAFETY: as the caller promised.
        let cell = unsafe { &*cell };
        let (sum, carry) = cell.load(Ordering::Relaxed).overflowing_add(n);
        cell.store(sum, Ordering::Relaxed);
        carry
    }
}

/// A `mov` of an aligned word is a relaxed load. An `add` to memory is what the optimiser makes of
/// a relaxed load, an addition and a relaxed store.
#[cfg(all(debug_assertions, target_arch = "x86_64", not(miri)))]
mod by_hand {
    use core::arch::asm;
    use core::sync::atomic::{AtomicU32, AtomicU64};

    #[inline(always)]
    pub(crate) fn load(word: &AtomicU64) -> u64 {
        let value;
        let word = &raw const *word;
        // SAFETY: loads a word that is valid and aligned.
        unsafe {
            asm!("mov {}, qword ptr [{}]", lateout(reg) value, in(reg) word,
                options(nostack, preserves_flags, readonly));
        }
        value
    }

    #[inline(always)]
    pub(crate) fn load_u32(word: &AtomicU32) -> u32 {
        let value;
        let word = &raw const *word;
        // SAFETY: as above.
        unsafe {
            asm!("mov {:e}, dword ptr [{}]", lateout(reg) value, in(reg) word,
                options(nostack, preserves_flags, readonly));
        }
        value
    }

    #[inline(always)]
    pub(crate) fn fence() {
        // SAFETY: there is no instruction. As far as the compiler knows, memory may change.
        unsafe { asm!("", options(nostack, preserves_flags)) }
    }

    #[inline(always)]
    pub(crate) unsafe fn add(cell: *const AtomicU64, n: u64) {
        // SAFETY: the caller promised that the cell is valid.
        unsafe { asm!("add qword ptr [{}], {}", in(reg) cell, in(reg) n, options(nostack)) }
    }

    #[inline(always)]
    pub(crate) unsafe fn add_carrying(cell: *const AtomicU64, n: u64) -> bool {
        let carry: u8;
        // SAFETY: as above.
        unsafe {
            asm!("add qword ptr [{}], {}", "setc {}", in(reg) cell, in(reg) n,
                lateout(reg_byte) carry, options(nostack));
        }
        carry != 0
    }
}

#[cfg(test)]
#[allow(unused_qualifications, reason = "on other processors both ways are one")]
mod tests {
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    use super::*;

    #[test]
    fn both_ways_load_and_add_the_same() {
        for (before, n) in [(0, 1), (7, u64::MAX), (u64::MAX, 1), (u64::MAX, 0), (1 << 63, 1 << 63)]
        {
            let word = AtomicU64::new(before);
            assert_eq!((load(&word), plain::load(&word)), (before, before));
            let cells = [before, before].map(AtomicU64::new);
            // SAFETY: it is there.
            unsafe { add(&raw const cells[0], n) };
            // SAFETY: as above.
            unsafe { plain::add(&raw const cells[1], n) };
            assert_eq!(cells[0].load(Ordering::Relaxed), cells[1].load(Ordering::Relaxed));
            let cells = [before, before].map(AtomicU64::new);
            // SAFETY: as above.
            let ours = unsafe { add_carrying(&raw const cells[0], n) };
            // SAFETY: as above.
            let plain = unsafe { plain::add_carrying(&raw const cells[1], n) };
            assert_eq!(ours, plain, "{before} + {n}");
            assert_eq!(cells[0].load(Ordering::Relaxed), cells[1].load(Ordering::Relaxed));
        }
        let half = AtomicU32::new(u32::MAX - 1);
        assert_eq!((load_u32(&half), plain::load_u32(&half)), (u32::MAX - 1, u32::MAX - 1));
        fence();
        plain::fence();
    }
}
