//! What is kept between two passes over a directory. Entries of a file never move, so what was read
//! of a file once need not be looked at again: the next pass takes the values from the places where
//! they are, and parses only what the file has grown by.
//!
//! A file that nobody has open for writing, and that nobody opens, does not change. If there are
//! many files, their directory is watched, and of such a file even the values are kept: it is not
//! opened again until somebody else opens it. Most files of a large directory are those of dead
//! processes, so a pass then costs what the living ones cost.
//!
//! A file is known by its inode and the time of its birth, since inode numbers are used again.

use std::collections::HashMap;
use std::sync::Arc;

use crate::directory::{Directory, FileId};

use super::key_table::KeyTable;
use super::layout::Layout;
use super::watch::Watch;

/// The most bytes that are kept.
const MOST: u64 = 64 << 20;

/// From so many files on their directory is watched: one user has few watches.
const MANY: usize = 64;

/// The keys of a directory, and the layouts of its files.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(super) keys: KeyTable,
    pub(super) layouts: HashMap<FileId, Arc<Layout>>,
    /// Of files that do not change, by their names. None without a watch.
    pub(super) settled: HashMap<String, Settled>,
    pub(super) watch: Option<Watch>,
}

/// A file that has not changed since it was read.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) id: FileId,
    pub(super) layout: Arc<Layout>,
    /// The values in the layout's order.
    pub(super) values: Vec<f64>,
}

impl Kept {
    /// Leaves out what may have changed since, and looks from now on, if there are so many files
    /// that it is worth it.
    pub(super) fn look(&mut self, directory: &Directory, files: usize) {
        let is_known = match &self.watch {
            Some(watch) if watch.is_of(directory) => {
                let settled = &mut self.settled;
                watch.news(|name| drop(settled.remove(name)))
            }
            _ => false,
        };
        if !is_known {
            self.settled.clear();
            // Only for those who come again.
            let is_worth_it = files >= MANY && !self.layouts.is_empty();
            self.watch = if is_worth_it { Watch::of(directory) } else { None };
        }
    }

    /// What of a pass is kept: nothing if it is too much, or if most keys are those of files that
    /// are gone.
    pub(super) fn or_nothing(self, met: usize) -> Self {
        let mut seen = std::collections::HashSet::new();
        let layouts = self.layouts.values();
        let layouts = layouts.filter(|layout| seen.insert(Arc::as_ptr(layout)));
        let values = self.settled.values().map(|settled| size_of_val(&*settled.values) as u64);
        let size = self.keys.size()
            + layouts.map(|layout| layout.size()).sum::<u64>()
            + values.sum::<u64>();
        let is_stale = self.keys.len() > 2 * met + 1024;
        if size > MOST || is_stale { Self::default() } else { self }
    }
}
