//! Random numbers that a failed test can repeat: `fastrand`, with a seed that is printed and can be
//! given back.

use fastrand::Rng;

/// A source of random numbers. The same seed yields the same numbers.
#[derive(Debug, Clone)]
pub struct Random {
    rng: Rng,
    seed: u64,
}

impl Random {
    /// Takes the seed from `HEADCOUNT_SEED`, or a new one without it. Prints it, so that a failed
    /// test shows how to repeat it.
    #[allow(clippy::print_stderr, reason = "shown when the test fails")]
    pub fn seeded() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a failure is repeated with its seed")]
        let seed = std::env::var("HEADCOUNT_SEED").ok();
        let seed = seed.map(|seed| seed.parse().expect("HEADCOUNT_SEED is a number"));
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        eprintln!("HEADCOUNT_SEED={seed}");
        Self::of(seed)
    }

    /// Always the same numbers for the same seed.
    pub fn of(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), seed }
    }

    /// The seed it was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.rng.u64(..)
    }

    /// A number below `n`, which must be above 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.rng.u64(..n)
    }

    /// An index of something that has `len` elements, at least one.
    pub fn index(&mut self, len: usize) -> usize {
        self.rng.usize(..len)
    }

    /// One of several values, at least one.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// A number like those at the limits of types, which readers of files stumble over, or any.
    pub fn awkward(&mut self) -> u64 {
        match self.below(13) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => u64::MAX >> 1,
            4 => 1 << 63,
            5 => 1 << self.below(64),
            6 => (1 << self.below(64)) - 1,
            7 => 0xffff_ffff,
            8 => 0xffff,
            9 => self.number(),
            10 => 8 * self.below(100),
            11 => f64::NAN.to_bits(),
            _ => self.below(70),
        }
    }

    /// Overwrites one to eight bytes at a random place from `from` on.
    pub fn spoil(&mut self, bytes: &mut [u8], from: usize) {
        let at = from + self.index(bytes.len() - from);
        let width = (*self.pick(&[1, 2, 4, 8])).min(bytes.len() - at);
        bytes[at..at + width].copy_from_slice(&self.awkward().to_le_bytes()[..width]);
    }

    /// A positive number, `2^low <= n < 2^high`, of random magnitude and with random digits.
    pub fn float(&mut self, low: i32, high: i32) -> f64 {
        let exponent = u64::try_from(self.rng.i32(low..high) + 1023).expect("no subnormal");
        f64::from_bits((exponent << 52) | (self.number() >> 12))
    }
}
