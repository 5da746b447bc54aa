//! Which shards of the segment belong to threads.

#[derive(Debug)]
pub(super) struct Shards {
    /// The number of shards that were ever given to a thread, and shard 0.
    used: u32,
    /// Shards that ended threads gave back, with their values.
    free: Vec<u32>,
}

impl Shards {
    pub(super) const fn new() -> Self {
        Self { used: 1, free: Vec::new() }
    }

    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// A shard for a thread that has none, out of at most `cap`: one that was given back, or a new
    /// one, which [`add`](Self::add) must be told of.
    pub(super) fn take(&mut self, cap: u32) -> Option<u32> {
        // Reserved now, so that giving the shard back in a thread that is ending doesn't allocate.
        let needed = self.used as usize + 1;
        self.free.reserve(needed.saturating_sub(self.free.len()));
        self.free.pop().or_else(|| (self.used < cap).then_some(self.used))
    }

    /// Whether a shard was never given to a thread.
    pub(super) fn is_new(&self, number: u32) -> bool {
        number == self.used
    }

    /// A new shard is in use. Returns the number of shards in use.
    pub(super) fn add(&mut self) -> u32 {
        self.used += 1;
        self.used
    }

    /// A thread ends. The values in its shard stay.
    pub(super) fn give_back(&mut self, number: u32) {
        self.free.push(number);
    }

    /// For the fork handler, in the child. Neither allocates nor frees.
    pub(super) fn forsake(&mut self) {
        self.used = 1;
        self.free.clear();
    }
}
