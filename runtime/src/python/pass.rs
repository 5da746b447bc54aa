//! All files of a directory, in the order of their names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::directory::{Directory, FileId};
use crate::error::{Error, ErrorKind};
use crate::model::MetricType;

use super::family::Combined;
use super::file_name::FileName;
use super::kept::Kept;
use super::layout::Layout;
use super::merging::{LeftOut, Merging};
use super::read::{Buffer, Earlier, read};

/// What one pass has read.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    merging: Merging,
    kept: Kept,
    /// About the bytes of memory that it takes.
    pub(crate) size: u64,
    pub(crate) skipped: Vec<Error>,
}

impl Pass {
    /// Reads the files with these names, which ascend. It takes `most` bytes of memory.
    pub(crate) fn of(
        directory: &Directory,
        names: &[String],
        earlier: Option<Kept>,
        most: u64,
    ) -> Result<Self, Error> {
        let mut pass = Self::default();
        if names.is_empty() {
            return Ok(pass);
        }
        let Kept { keys, layouts } = earlier.unwrap_or_default();
        pass.kept.keys = keys;
        let mut reading =
            Reading { layouts, neighbours: HashMap::new(), buffer: Buffer::default() };
        for name in names {
            let left = most.saturating_sub(pass.size);
            if let Err(e) = pass.read(directory, name, &mut reading, left) {
                if e.is_transient() {
                    return Err(e.at(&directory.path().join(name)));
                }
                pass.skipped.push(e.at(&directory.path().join(name)));
            }
        }
        Ok(pass)
    }

    fn read(
        &mut self,
        directory: &Directory,
        name: &str,
        reading: &mut Reading,
        most: u64,
    ) -> Result<(), Error> {
        let file = FileName::parse(name)?;
        // `None`: the file is gone, as those of live gauges are when their process has ended.
        let Some((fd, id)) = directory.open_dated(name)? else { return Ok(()) };
        let Reading { layouts, neighbours, buffer } = reading;
        let own = id.and_then(|id| layouts.get(&id));
        let neighbour = neighbours.get(&file.kind);
        let keys = &mut self.kept.keys;
        let before = keys.size();
        let earlier = Earlier { own, neighbour };
        let found = read(&fd, earlier, file.has_times(), most, keys, buffer)?;
        let Some((layout, bytes)) = found else { return Ok(()) };
        let is_new = neighbour.is_none_or(|neighbour| !Arc::ptr_eq(neighbour, &layout));
        let grown = keys.size().saturating_sub(before);
        let left_out = self.merging.add(file, &layout, bytes, keys)?;
        self.size = self.size.saturating_add(grown);
        if is_new {
            self.size = self.size.saturating_add(layout.size());
        }
        if file.mode.is_some() {
            // The values of gauges are kept until the last file is read.
            self.size = self.size.saturating_add(layout.entries.len() as u64 * 32);
        }
        neighbours.insert(file.kind, Arc::clone(&layout));
        if let Some(id) = id {
            self.kept.layouts.insert(id, layout);
        }
        left_out.told()
    }

    /// The families, in the order in which they were met, and what is kept for the next pass.
    pub(crate) fn finish(self) -> (Vec<Combined>, Kept) {
        let met = self.merging.met();
        (self.merging.finish(), self.kept.or_nothing(met))
    }
}

struct Reading {
    layouts: HashMap<FileId, Arc<Layout>>,
    /// The layout of the file before of each type.
    neighbours: HashMap<MetricType, Arc<Layout>>,
    buffer: Buffer,
}

impl LeftOut {
    /// What was left out, if anything was.
    pub(super) fn told(self) -> Result<(), Error> {
        match self {
            Self { no_keys: 0, no_texts: 0 } => Ok(()),
            Self { no_keys: 0, .. } => {
                Err(Error::corrupt("entries with a label or a help text that is no text"))
            }
            _ => Err(Error::corrupt("entries whose keys are no keys")),
        }
    }
}

/// A file of another library, whose entries look like those of `prometheus_client`.
pub(super) fn other_client() -> Error {
    let reason = "a file of GitLab's prometheus-client-mmap, which is not read";
    Error::new(ErrorKind::NotSegment { reason })
}
