//! Reads a directory: its segments, and then its archive.
//!
//! The archive comes last so that each process counts exactly once: a segment that was compacted
//! after it was read has a tombstone there, and is left out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::archive::{self, Compactor, ReadArchive, TOMBSTONE_GENERATIONS};
use crate::directory::touch::keep_young;
use crate::directory::{ARCHIVE, Directory, Names, length, on_disk};
use crate::error::{Error, ErrorKind};
use crate::merge::archived::Archive;
use crate::merge::part::Part;
use crate::merge::plan::Plans;
use crate::model::instance::InstanceId;
use crate::process::Forks;
use crate::python;
use crate::reader::liveness::{Here, Life, settle};
use crate::reader::log_reader::Logs;
use crate::reader::segment::{Segment, read_header};
use crate::reader::source::{ATTEMPTS as ATTEMPTS_AT_OWN, Source};
use crate::reader::times::{Clock, Times};
use crate::segment::own::Own;

use super::limit::Memory;
use super::{CollectionCache, Limit};

/// How many times a collection begins again, if the archive was replaced too often meanwhile,
/// before it holds off compaction.
const ATTEMPTS: u32 = 3;
/// How long it then waits for a compaction to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a scan needs of the process that it runs in. It is handed in, since this layer does not
/// know how a process counts.
#[derive(Clone, Copy)]
pub(crate) struct ThisProcess {
    /// The process's own segment, if there is one.
    pub(crate) own: fn() -> Option<Own>,
    pub(crate) forks: Forks,
}

impl ThisProcess {
    /// Reads the process's own segment from its memory, even if it has no file name. `None` if
    /// there is none.
    pub(crate) fn read(self, logs: &mut Logs) -> Result<Option<Segment>, Error> {
        let mut refused = None;
        for _ in 0..ATTEMPTS_AT_OWN {
            let Some(own) = (self.own)() else { return Ok(None) };
            let header = own.header().clone();
            match Segment::read(&Source::Own(own), header, logs) {
                Err(e) if e.is_transient() => refused = Some(e),
                read => return read.map(Some),
            }
        }
        refused.map_or(Ok(None), Err)
    }
}

/// What one pass has found.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) parts: Vec<Part>,
    /// The instance of this process's segment, if that was read already.
    own: Option<InstanceId>,
    /// The index in `parts` of each instance.
    instances: HashMap<InstanceId, usize>,
    pub(crate) logs: Logs,
    /// Converts this process's own times as those of the others are.
    pub(crate) own_times: Times,
    /// The present, by the same base.
    pub(crate) now: u64,
    memory: Memory,
    /// `None` if there is no archive, or it cannot be read.
    archive: Option<Arc<ReadArchive>>,
    /// Python's files.
    pub(crate) python: python::Pass,
    has_python: bool,
    /// The number of damaged segments that a compaction has set aside.
    pub(crate) set_aside: usize,
    pub(crate) skipped: Vec<Error>,
}

impl Scan {
    /// Reads the directory, and this process's own segment first if it counts there.
    pub(crate) fn of(
        directory: &Directory,
        with_own: bool,
        this: ThisProcess,
        earlier: &Arc<CollectionCache>,
        limit: Limit,
        with_python: bool,
    ) -> Result<Self, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(scan) =
                Self::attempt(directory, with_own, this, earlier, limit, with_python)?
            {
                return Ok(scan);
            }
        }
        // Many generations were written meanwhile. While this process holds the lock, no other is
        // written.
        let began = std::time::Instant::now();
        let too_slow = || Error::new(ErrorKind::Overtaken).at(directory.path());
        loop {
            // A process that may not write here cannot hold off compaction, and tries again.
            let compactor = Compactor::new(directory, this.forks).ok().flatten();
            if let Some(scan) =
                Self::attempt(directory, with_own, this, earlier, limit, with_python)?
            {
                return Ok(scan);
            }
            if compactor.is_some() || began.elapsed() > PATIENCE {
                return Err(too_slow());
            }
        }
    }

    /// The archive; an empty one if there is none.
    pub(crate) fn archive(&self) -> &Archive {
        const NONE: &Archive = &Archive::NONE;
        self.archive.as_ref().map_or(NONE, |read| &read.archive)
    }

    /// The cache for the next collection.
    pub(crate) fn into_kept(self, plans: Plans, python: Option<python::Kept>) -> CollectionCache {
        let logs =
            self.parts.into_iter().map(|part| (part.segment.header.instance, part.segment.log));
        CollectionCache::new(logs, self.logs.layouts, self.archive, plans, python)
    }

    fn after(earlier: &Arc<CollectionCache>) -> Self {
        Self { logs: Logs::after(earlier.logs()), ..Self::default() }
    }

    /// The number of segments that could be compacted.
    pub(crate) fn dead(&self) -> usize {
        let is_compactable =
            |part: &&Part| part.life == Life::Dead && part.segment.unknown().is_none();
        self.parts.iter().filter(is_compactable).count()
    }

    /// Reads this process alone, which has no directory.
    pub(crate) fn of_own(this: ThisProcess, earlier: &Arc<CollectionCache>) -> Self {
        let mut scan = Self::after(earlier);
        scan.take_own(this);
        scan
    }

    /// Reads this process alone, because its directory cannot be read. The reason is reported.
    pub(crate) fn of_own_instead(
        this: ThisProcess,
        why: Error,
        earlier: &Arc<CollectionCache>,
    ) -> Result<Self, Error> {
        let mut scan = Self::of_own(this, earlier);
        // If descriptors are short for a moment, a page without the other processes would make
        // every counter fall.
        if scan.parts.is_empty() || why.is_transient() {
            return Err(why);
        }
        scan.skipped.push(why);
        Ok(scan)
    }

    /// `None` if so many generations were written meanwhile that the archive may have lost the
    /// tombstone of a segment that was read.
    fn attempt(
        directory: &Directory,
        with_own: bool,
        this: ThisProcess,
        earlier: &Arc<CollectionCache>,
        limit: Limit,
        with_python: bool,
    ) -> Result<Option<Self>, Error> {
        let mut scan = Self::after(earlier);
        scan.memory = Memory::of(limit);
        if with_own {
            scan.take_own(this);
        }
        let at_first = archive::generation(directory).unwrap_or(0);
        match directory.names() {
            Ok(mut names) => {
                let python = core::mem::take(&mut names.python);
                scan.has_python =
                    with_python && !(python.is_empty() && names.python_aside.is_empty());
                scan.read_segments(directory, names)?;
                if scan.has_python {
                    scan.read_python(directory, &python, earlier)?;
                }
            }
            // The directory may permit opening but not listing. This process's own counts are
            // available.
            Err(e) if with_own => return Self::of_own_instead(this, e, earlier).map(Some),
            Err(e) => return Err(e),
        }
        let mut knows_archive = true;
        // Last: a segment that was compacted meanwhile was read already, and has a tombstone here.
        match archive::read_after(directory, earlier.archive()) {
            Ok(archive) => {
                let size = archive.as_ref().map_or(0, |read| read.size);
                match scan.memory.take_bytes(size) {
                    Ok(()) => scan.archive = archive,
                    Err(e) => {
                        knows_archive = false;
                        scan.skipped.push(e.at(&directory.path().join(ARCHIVE)));
                    }
                }
            }
            // If descriptors are short for a moment, a page without the archive would make every
            // counter fall.
            Err(e) if e.is_transient() => return Err(e.at(&directory.path().join(ARCHIVE))),
            Err(e) => {
                knows_archive = false;
                scan.skipped.push(e.at(&directory.path().join(ARCHIVE)));
            }
        }
        if !scan.read_python_aside(directory, knows_archive)? {
            return Ok(None);
        }
        if scan.archive().generation.saturating_sub(at_first) > TOMBSTONE_GENERATIONS {
            return Ok(None);
        }
        let segments = scan.parts.iter().map(|part| (part.segment.age(), part.segment.time_base()));
        let clock = Clock::new(scan.archive().base, segments);
        for part in &mut scan.parts {
            part.segment.times = clock.times_of(&part.segment.time_base());
        }
        scan.own_times = clock.own_times();
        scan.now = clock.now();
        let own = scan.own;
        if let Some(read) = &scan.archive {
            scan.parts.retain(|part| {
                let instance = part.segment.header.instance;
                Some(instance) == own || !read.archive.has(&instance)
            });
        }
        settle(scan.parts.iter_mut().map(|part| (&part.segment.header, &mut part.life)).collect());
        Ok(Some(scan))
    }

    fn take_own(&mut self, this: ThisProcess) {
        match this.read(&mut self.logs) {
            Ok(Some(segment)) => {
                self.own = Some(segment.header.instance);
                self.parts.push(Part { segment, life: Life::Locked });
            }
            Ok(None) => {}
            Err(e) => self.skipped.push(e),
        }
    }

    fn read_segments(&mut self, directory: &Directory, names: Names) -> Result<(), Error> {
        let here = Here::in_directory(directory);
        self.set_aside = names.set_aside.len();
        for name in names.segments {
            if let Err(e) = self.read_one(directory, &name, &here) {
                if e.is_transient() {
                    return Err(e.at(&directory.path().join(&name)));
                }
                self.skipped.push(e.at(&directory.path().join(&name)));
            }
        }
        Ok(())
    }

    fn read_python(
        &mut self,
        directory: &Directory,
        names: &[String],
        earlier: &CollectionCache,
    ) -> Result<(), Error> {
        self.python =
            python::Pass::of(directory, names, earlier.take_python(), self.memory.left())?;
        self.skipped.append(&mut self.python.skipped);
        // It looks at what is left itself.
        let _ = self.memory.take_bytes(self.python.size);
        Ok(())
    }

    /// Reads Python's files that a compaction is taking into the archive. Each counts once: in its
    /// file, under one of its names, or in the archive. `false`: one was taken in meanwhile, and
    /// counts twice or not at all.
    fn read_python_aside(
        &mut self,
        directory: &Directory,
        knows_archive: bool,
    ) -> Result<bool, Error> {
        if !self.has_python {
            return Ok(true);
        }
        let archive = self.archive.clone();
        let archive = archive.as_ref().map(|read| &read.archive);
        let is_archived = |instance: &InstanceId| archive.is_some_and(|read| read.has(instance));
        // After the archive was read: what has been renamed since the listing is found here.
        for name in directory.names()?.python_aside {
            if !self.python.read_aside(directory, &name, is_archived)? {
                return Ok(false);
            }
        }
        self.skipped.append(&mut self.python.skipped);
        // One whose name was gone is in an archive that was read then, or in a later one.
        let generation = archive.map_or(0, |read| read.generation);
        let is_newest = !knows_archive || archive::generation(directory)? == generation;
        Ok(is_newest && !self.python.has_any(is_archived))
    }

    fn read_one(&mut self, directory: &Directory, name: &str, here: &Here) -> Result<(), Error> {
        // `None`: the file is gone.
        let Some((fd, stat)) = directory.open_with_stat(name)? else { return Ok(()) };
        let source = Source::File(fd);
        let header = read_header(&source, length(&stat))?;
        if let Source::File(fd) = &source {
            keep_young(fd, &stat);
        }
        if self.own == Some(header.instance) {
            return Ok(());
        }
        // Before the cells: if the process is dead now, its cells have their last values.
        let life = match &source {
            Source::File(fd) => here.of(&header, fd),
            Source::Own(_) => Life::Locked,
        };
        let segment = Segment::read(&source, header, &mut self.logs)?;
        self.memory.take(&segment, on_disk(&stat))?;
        let left_out = segment.left_out();
        self.add(Part { segment, life })?;
        // The rest of the segment counts.
        left_out.map_or(Ok(()), Err)
    }

    /// Adds a segment. Two files with one instance are one process: of the two, the living one is
    /// the original, otherwise the one with the newer log.
    fn add(&mut self, mut part: Part) -> Result<(), Error> {
        let instance = part.segment.header.instance;
        let Some(known) = self.instances.get(&instance).and_then(|at| self.parts.get_mut(*at))
        else {
            self.instances.insert(instance, self.parts.len());
            self.parts.push(part);
            return Ok(());
        };
        let rank = |part: &Part| (part.life, part.segment.log.id.age());
        if rank(&part) > rank(known) {
            core::mem::swap(known, &mut part);
        }
        Err(Error::new(ErrorKind::Foreign { reason: "a copy of another segment" }))
    }
}
