//! What an operator does to a directory, beside reading it.

use crate::directory::Directory;
use crate::error::{Error, ErrorKind};

use super::Collector;
use super::archive::Folder;

/// What [`Collector::compact`] did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Compacted {
    folded: usize,
    generation: u64,
    skipped: Vec<Error>,
}

impl Compacted {
    /// Dead segments that are in the archive now, and were not before.
    pub fn folded(&self) -> usize {
        self.folded
    }

    /// The archive's generation: how often it was written. 0 if there is none.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Segments that could not be read. Those that are damaged, and nobody's any more, were renamed to end in `.bad`.
    pub fn skipped(&self) -> &[Error] {
        &self.skipped
    }
}

impl Collector {
    /// Folds everything that the dead have left into one file, the archive, without changing any number.
    ///
    /// A collection costs what the living processes cost, and one archive; how many have come and gone doesn't matter. Several
    /// may fold at once, and be killed at any moment: one of them does it, and what it has begun is done again, or was done.
    ///
    /// A collection does some of it by itself; this does all of it, for a timer or an operator.
    ///
    /// # Errors
    ///
    /// Where the directory can't be written, has no room, or belongs to another user. Where its archive is damaged or written by a newer
    /// version: it is left as it is. Where someone else is folding.
    ///
    /// # Examples
    ///
    /// ```
    /// # let directory = std::env::temp_dir().join(format!("headcount-compact-{}", std::process::id()));
    /// # std::fs::create_dir(&directory)?;
    /// let compacted = headcount::Collector::open(&directory).compact()?;
    /// assert_eq!(compacted.folded(), 0);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact(&self) -> Result<Compacted, Error> {
        let mut compacted = Compacted { folded: 0, generation: 0, skipped: Vec::new() };
        let Some(path) = self.directory() else { return Ok(compacted) };
        let directory = Directory::open(&path)?;
        if !directory.is_writable() {
            return Err(Error::directory("the directory is not this user's to write").at(&path));
        }
        let folder = Folder::new(&directory).map_err(|e| e.at(&path))?;
        let folder = folder.ok_or_else(|| Error::new(ErrorKind::Busy).at(&path))?;
        loop {
            let done = folder.generation(&mut compacted.skipped).map_err(|e| e.at(&path))?;
            compacted.folded = compacted.folded.saturating_add(done.folded);
            compacted.generation = done.number;
            if !done.has_more {
                return Ok(compacted);
            }
        }
    }
}
