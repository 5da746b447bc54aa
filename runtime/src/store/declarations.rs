//! Which of the program's declarations are registered.

use crate::declare::registry;

#[derive(Debug)]
pub(super) struct Declarations {
    /// The first entry of the linker's list when the list was last scanned.
    seen: usize,
    /// Whether they must be registered again, because there may be space for all of them by now.
    pub(super) unregistered: bool,
    /// The number of sites that contradict another declaration of their name, which is in force.
    pub(super) contradicted: u64,
    /// The number of declared series that have no cells, including these sites.
    pub(super) dropped: u64,
}

impl Declarations {
    pub(super) const fn new() -> Self {
        Self { seen: 0, unregistered: false, contradicted: 0, dropped: 0 }
    }

    /// Whether the linker's list has grown since it was last scanned.
    pub(super) fn have_grown(&self) -> bool {
        self.seen != registry::newest()
    }

    /// The linker's list is about to be scanned.
    pub(super) fn scan(&mut self) {
        self.seen = registry::newest();
    }

    /// Whether there was no space for some of them.
    pub(super) fn lack_space(&self) -> bool {
        self.dropped > self.contradicted
    }
}
