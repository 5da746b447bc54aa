//! What is kept between two passes over a directory. Entries of a file never move, so what was read
//! of a file once need not be looked at again: the next pass takes the values from the places where
//! they are, and parses only what the file has grown by.
//!
//! A file is known by its inode and the time of its birth, since inode numbers are used again.

use std::collections::HashMap;
use std::sync::Arc;

use crate::directory::FileId;

use super::key_table::KeyTable;
use super::layout::Layout;

/// The most bytes that are kept.
const MOST: u64 = 64 << 20;

/// The keys of a directory, and the layouts of its files.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(super) keys: KeyTable,
    pub(super) layouts: HashMap<FileId, Arc<Layout>>,
}

impl Kept {
    /// What of a pass is kept: nothing if it is too much, or if most keys are those of files that
    /// are gone.
    pub(super) fn or_nothing(self, met: usize) -> Self {
        let mut seen = std::collections::HashSet::new();
        let layouts = self.layouts.values();
        let layouts = layouts.filter(|layout| seen.insert(Arc::as_ptr(layout)));
        let size = self.keys.size() + layouts.map(|layout| layout.size()).sum::<u64>();
        let is_stale = self.keys.len() > 2 * met + 1024;
        if size > MOST || is_stale { Self::default() } else { self }
    }
}
