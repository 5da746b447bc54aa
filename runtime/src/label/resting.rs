//! What was removed and may not be used again yet, in the order of removal.
//!
//! Much may be removed at once, and a program that goes on removing always has something that
//! rests. So the queue's memory follows its length while it is in use, and not only when it is
//! empty: the memory of one burst would be kept for ever otherwise.

use std::collections::VecDeque;

/// So few never give memory back.
const FEW: usize = 64;

#[derive(Debug)]
pub(crate) struct Resting<T>(VecDeque<(u64, T)>);

impl<T> Resting<T> {
    pub(crate) const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Adds what may be used from `when` on, which is not before that of the last one.
    pub(crate) fn push(&mut self, when: u64, what: T) {
        self.0.push_back((when, what));
    }

    /// Takes the first one if it may be used by `now`.
    pub(crate) fn pop(&mut self, now: u64) -> Option<T> {
        let is_due = self.0.front().is_some_and(|(when, _)| *when <= now);
        let (_, what) = if is_due { self.0.pop_front()? } else { return None };
        // A quarter: so there are at least as many removals from one copy to the next as are
        // copied.
        if self.0.capacity() > FEW && self.0.len() <= self.0.capacity() / 4 {
            self.0.shrink_to(self.0.len() * 2);
        }
        Some(what)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, what)| what)
    }

    /// Forgets all others.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.0.retain(|(_, what)| keep(what));
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Resting};

    #[test]
    fn a_burst_is_not_kept_while_something_rests() {
        let mut resting = Resting::new();
        let mut expected = 0;
        (0..10_000_u64).for_each(|n| resting.push(n, n));
        for n in 10_000..30_000 {
            resting.push(n, n);
            // All but ten are due.
            while let Some(what) = resting.pop(n - 10) {
                assert_eq!(what, expected);
                expected += 1;
            }
        }
        assert_eq!(resting.iter().count(), 10);
        assert!(resting.0.capacity() <= FEW, "{}", resting.0.capacity());
    }
}
