//! Numbers that look random, the same for the same seed.

use std::time::{SystemTime, UNIX_EPOCH};

/// A source of numbers: xorshift.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
    seed: u64,
}

impl Random {
    /// From the seed that `HEADCOUNT_SEED` names, else from one that differs each time. It is printed, so that a failure can be repeated.
    #[expect(clippy::print_stderr, reason = "shown when the test fails")]
    pub fn seeded() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a failure is repeated with its seed")]
        let seed = std::env::var("HEADCOUNT_SEED").ok();
        let seed = seed.map(|seed| seed.parse().expect("HEADCOUNT_SEED is a number"));
        let seed = seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
            u64::from(now.subsec_nanos())
        });
        eprintln!("HEADCOUNT_SEED={seed}");
        Self::of(seed)
    }

    /// Always the same numbers.
    pub fn of(seed: u64) -> Self {
        // Spread over all bits, and never zero, which would stay zero.
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, seed }
    }

    /// What it began with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// A number below `n`, which is above 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.number() % n
    }

    /// One of several things.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(u64::try_from(of.len()).expect("not so many"));
        &of[usize::try_from(at).expect("below a length")]
    }

    /// A positive number, `2^low <= n < 2^high`, of random magnitude and with random digits.
    pub fn float(&mut self, low: i32, high: i32) -> f64 {
        let spread = u64::try_from(high - low).expect("low < high");
        let exponent = u64::try_from(low + 1023).expect("no subnormal") + self.below(spread);
        f64::from_bits((exponent << 52) | (self.number() >> 12))
    }
}
