//! Waiting for a word to change.

pub(crate) mod futex {
    use core::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use super::super::flags::flags;
    use super::super::io::{Errno, Result};

    flags! {
        Flags { PRIVATE = 1 }
    }

    const SHORTEST: Duration = Duration::from_micros(50);
    const LONGEST: Duration = Duration::from_millis(10);

    /// Waits until the word changes. It looks again and again: whatever a thread could sleep on
    /// would be locked for ever in a child that is forked meanwhile.
    pub(crate) fn wait(
        word: &AtomicU32,
        _: Flags,
        value: u32,
        limit: Option<&Duration>,
    ) -> Result<()> {
        if cfg!(miri) {
            std::thread::yield_now();
            return Ok(());
        }
        let (began, mut nap) = (Instant::now(), SHORTEST);
        while word.load(Ordering::Acquire) == value {
            let left = limit.map_or(LONGEST, |limit| limit.saturating_sub(began.elapsed()));
            if left.is_zero() {
                return Err(Errno::AGAIN);
            }
            std::thread::sleep(nap.min(left));
            nap = (nap * 2).min(LONGEST);
        }
        Ok(())
    }

    /// Nobody sleeps in the kernel.
    pub(crate) fn wake(_: &AtomicU32, _: Flags, _: u32) -> Result<usize> {
        Ok(0)
    }
}
