//! All files of a directory, in the order of their names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::directory::{Directory, FileId};
use crate::error::{Error, ErrorKind};
use crate::kernel::fd::AsFd;
use crate::kernel::leases::Unwritten;
use crate::model::MetricType;
use crate::model::instance::InstanceId;

use super::family::Combined;
use super::file_name::FileName;
use super::kept::{Kept, Settled};
use super::key_table::KeyTable;
use super::layout::{Entry, Layout};
use super::merging::{LeftOut, Merging};
use super::read::{Buffer, Earlier, read};

/// What one pass has read.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    merging: Merging,
    kept: Kept,
    reading: Reading,
    /// The files that were read, by their names.
    files: Vec<(String, Arc<Layout>)>,
    most: u64,
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
        let mut earlier = earlier.unwrap_or_default();
        earlier.look(directory, names.len());
        let Kept { keys, layouts, settled, watch } = earlier;
        (pass.kept.keys, pass.kept.watch) = (keys, watch);
        (pass.reading.layouts, pass.reading.settled) = (layouts, settled);
        pass.most = most;
        for name in names {
            pass.read_one(directory, name)?;
        }
        Ok(pass)
    }

    fn read_one(&mut self, directory: &Directory, name: &str) -> Result<(), Error> {
        let mut reading = core::mem::take(&mut self.reading);
        let left = self.most.saturating_sub(self.size);
        let read = self.read(directory, name, &mut reading, left);
        self.reading = reading;
        match read {
            Err(e) if e.is_transient() => return Err(e.at(&directory.path().join(name))),
            Err(e) => self.skipped.push(e.at(&directory.path().join(name))),
            Ok(()) => {}
        }
        Ok(())
    }

    /// Reads a file that a compaction is taking into the archive, unless it was read under its
    /// other name, or is in the archive that was read. `false`: it is gone, and may be in neither.
    pub(crate) fn read_aside(
        &mut self,
        directory: &Directory,
        name: &str,
        is_archived: impl Fn(&InstanceId) -> bool,
    ) -> Result<bool, Error> {
        let Some((_, id)) = directory.open_dated(name)? else { return Ok(false) };
        let is_known =
            id.is_some_and(|id| self.kept.layouts.contains_key(&id) || is_archived(&id.instance()));
        if !is_known {
            self.read_one(directory, name)?;
        }
        Ok(true)
    }

    /// Whether one of the files that were read is in the archive as well.
    pub(crate) fn has_any(&self, is_archived: impl Fn(&InstanceId) -> bool) -> bool {
        self.kept.layouts.keys().any(|id| is_archived(&id.instance()))
    }

    fn read(
        &mut self,
        directory: &Directory,
        name: &str,
        reading: &mut Reading,
        most: u64,
    ) -> Result<(), Error> {
        let file = FileName::parse(name)?;
        if let Some(settled) = reading.settled.remove(name) {
            return self.add_settled(name, file, settled);
        }
        // `None`: the file is gone, as those of live gauges are when their process has ended.
        let Some((fd, id)) = directory.open_dated(name)? else { return Ok(()) };
        let Reading { layouts, settled: unread, neighbours, buffer } = reading;
        let own = id.and_then(|id| layouts.get(&id));
        let neighbour = neighbours.get(&file.kind);
        let keys = &mut self.kept.keys;
        let before = keys.size();
        let earlier = Earlier { own, neighbour };
        // If nobody has it open for writing now, and its own opening is no news any more, the next
        // one to open it will be.
        let mut is_known = true;
        let watch = self.kept.watch.as_ref().filter(|_| own.is_some() && !file.has_times());
        let unwritten = watch.and_then(|watch| {
            let unwritten = Unwritten::hold(fd.as_fd()).ok()?;
            let settled = &mut self.kept.settled;
            is_known = watch.news(|name| {
                settled.remove(name);
                unread.remove(name);
            });
            is_known.then_some(unwritten)
        });
        if !is_known {
            self.kept.settled.clear();
            unread.clear();
        }
        let found = read(&fd, earlier, file.has_times(), most, keys, buffer)?;
        let Some((layout, bytes)) = found else { return Ok(()) };
        let is_new = neighbour.is_none_or(|neighbour| !Arc::ptr_eq(neighbour, &layout));
        let grown = keys.size().saturating_sub(before);
        let left_out = self.merging.add(file, &layout, layout.values(bytes), keys)?;
        if let (Some(id), Some(unwritten), true) = (id, unwritten, left_out == LeftOut::default()) {
            let values = layout.values(bytes).map(|(_, value, _)| value).collect();
            let settled = Settled { id, layout: Arc::clone(&layout), values };
            self.kept.settled.insert(name.to_owned(), settled);
            drop(unwritten);
        }
        self.size = self.size.saturating_add(grown);
        if is_new {
            self.size = self.size.saturating_add(layout.size());
        }
        if file.mode.is_some() {
            // The values of gauges are kept until the last file is read.
            self.size = self.size.saturating_add(layout.entries.len() as u64 * 32);
        }
        neighbours.insert(file.kind, Arc::clone(&layout));
        self.files.push((name.to_owned(), Arc::clone(&layout)));
        if let Some(id) = id {
            self.kept.layouts.insert(id, layout);
        }
        left_out.told()
    }

    /// Adds a file that has not changed since it was read.
    fn add_settled(
        &mut self,
        name: &str,
        file: FileName<'_>,
        settled: Settled,
    ) -> Result<(), Error> {
        let Settled { id, layout, values } = &settled;
        self.merging.add(file, layout, layout.with(values), &self.kept.keys)?;
        self.size = self.size.saturating_add(size_of_val(&**values) as u64);
        self.files.push((name.to_owned(), Arc::clone(layout)));
        self.kept.layouts.insert(*id, Arc::clone(layout));
        self.kept.settled.insert(name.to_owned(), settled);
        Ok(())
    }

    /// The families, and the files in which they are.
    pub(super) fn into_files(self) -> (Vec<Combined>, Files) {
        (self.merging.finish(), Files { files: self.files, keys: self.kept.keys })
    }

    /// The families, in the order in which they were met, and what is kept for the next pass.
    pub(crate) fn finish(self) -> (Vec<Combined>, Kept) {
        let met = self.merging.met();
        (self.merging.finish(), self.kept.or_nothing(met))
    }
}

/// The files that were read, and their keys.
#[derive(Debug)]
pub(super) struct Files {
    files: Vec<(String, Arc<Layout>)>,
    keys: KeyTable,
}

/// A family, and the labels of one of its histograms.
type Histogram<'a> = (&'a str, Vec<&'a (String, String)>);

impl Files {
    /// The families whose histograms do not all have the same bounds in each file.
    pub(super) fn with_other_bounds(&self) -> HashSet<String> {
        let mut bounds = HashMap::<&str, Vec<&str>>::new();
        let (mut seen, mut others) = (HashSet::new(), HashSet::new());
        for (_, layout) in &self.files {
            if !seen.insert(Arc::as_ptr(layout)) {
                continue;
            }
            let mut here = HashMap::<Histogram<'_>, Vec<&str>>::new();
            for entry in &layout.entries {
                let Ok(key) = self.keys.get(entry.key) else { continue };
                let (le, labels) =
                    key.labels.iter().partition::<Vec<_>, _>(|(name, _)| name == "le");
                let all = here.entry((&key.family, labels)).or_default();
                all.extend(le.first().map(|(_, le)| le.as_str()));
            }
            for ((family, _), mut own) in here {
                own.sort_unstable();
                let known = bounds.entry(family).or_insert_with(|| own.clone());
                if *known != own {
                    others.insert(family.to_owned());
                }
            }
        }
        others
    }

    /// The files that have one of these families.
    pub(super) fn with_families(
        &self,
        families: &HashSet<String>,
    ) -> impl Iterator<Item = &String> {
        let is_one = |id: u32| self.keys.get(id).is_ok_and(|key| families.contains(&key.family));
        let bad: Vec<bool> = (0_u32..).take(self.keys.len()).map(is_one).collect();
        let is_bad = move |entry: &Entry| bad.get(entry.key as usize) == Some(&true);
        let files = self.files.iter().filter(move |(_, layout)| layout.entries.iter().any(&is_bad));
        files.map(|(name, _)| name)
    }
}

#[derive(Debug, Default)]
struct Reading {
    layouts: HashMap<FileId, Arc<Layout>>,
    settled: HashMap<String, Settled>,
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
