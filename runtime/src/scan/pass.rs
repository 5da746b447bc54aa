//! Reads a directory: its segments, and then its archive.
//!
//! The archive comes last so that each process counts exactly once: a segment that was compacted
//! after it was read has a tombstone there, and is left out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::archive::{self, Compactor, ReadArchive, TOMBSTONE_GENERATIONS};
use crate::directory::touch::keep_young;
use crate::directory::{ARCHIVE, Directory, Names, length, on_disk, segment_name};
use crate::error::{Error, ErrorKind};
use crate::kernel::lock;
use crate::merge::archived::Archive;
use crate::merge::part::Part;
use crate::merge::plan::Plans;
use crate::model::instance::InstanceId;
use crate::process::{Forks, now_ns};
use crate::python;
use crate::reader::liveness::{Here, Life, settle};
use crate::reader::log_reader::Logs;
use crate::reader::segment::{Front, Segment};
use crate::reader::source::{ATTEMPTS as ATTEMPTS_AT_OWN, Source};
use crate::reader::times::{Clock, Times};
use crate::segment::format::LIVENESS_OFD;
use crate::segment::own::Own;

use super::limit::Memory;
use super::settled::{self, Candidate, Settled};
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

/// What a pass reads.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) this: ThisProcess,
    pub(crate) limit: Limit,
    /// This process's own segment, if it counts there.
    pub(crate) with_own: bool,
    pub(crate) with_python: bool,
    /// Sums in place of segments that do not change.
    pub(crate) with_sums: bool,
}

/// How an attempt ended.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Attempt {
    Done(Scan),
    /// So many generations were written meanwhile that the archive may have lost the tombstone of
    /// a segment that was read.
    Overtaken,
    /// The sums do not belong to what is there now.
    OtherSums,
}

/// What one pass has found.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) parts: Vec<Part>,
    /// The sums of segments that are not among the parts.
    pub(crate) settled: Option<Arc<Settled>>,
    /// The parts that may be added to these sums.
    candidates: HashMap<InstanceId, Candidate>,
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
    pub(crate) fn of(wanted: Wanted<'_>, earlier: &Arc<CollectionCache>) -> Result<Self, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(scan) = Self::once(wanted, earlier)? {
                return Ok(scan);
            }
        }
        // Many generations were written meanwhile. While this process holds the lock, no other is
        // written.
        let began = std::time::Instant::now();
        let too_slow = || Error::new(ErrorKind::Overtaken).at(wanted.directory.path());
        loop {
            // A process that may not write here cannot hold off compaction, and tries again.
            let compactor = Compactor::new(wanted.directory, wanted.this.forks).ok().flatten();
            if let Some(scan) = Self::once(wanted, earlier)? {
                return Ok(scan);
            }
            if compactor.is_some() || began.elapsed() > PATIENCE {
                return Err(too_slow());
            }
        }
    }

    /// `None` if it was overtaken.
    fn once(wanted: Wanted<'_>, earlier: &Arc<CollectionCache>) -> Result<Option<Self>, Error> {
        let settled = earlier.settled().filter(|_| wanted.with_sums).cloned();
        let mut attempt = Self::attempt(wanted, earlier, settled)?;
        if matches!(attempt, Attempt::OtherSums) {
            attempt = Self::attempt(wanted, earlier, None)?;
        }
        Ok(match attempt {
            Attempt::Done(scan) => Some(scan),
            Attempt::Overtaken | Attempt::OtherSums => None,
        })
    }

    /// The archive; an empty one if there is none.
    pub(crate) fn archive(&self) -> &Archive {
        const NONE: &Archive = &Archive::NONE;
        self.archive.as_ref().map_or(NONE, |read| &read.archive)
    }

    /// The cache for the next collection.
    pub(crate) fn into_kept(
        self,
        plans: Plans,
        python: Option<python::Kept>,
        limit: Limit,
    ) -> CollectionCache {
        let logs =
            self.parts.into_iter().map(|part| (part.segment.header.instance, part.segment.log));
        let (archive, settled) = (self.archive, self.settled);
        CollectionCache::new(logs, self.logs.layouts, archive, settled, plans, python, limit)
    }

    fn after(earlier: &Arc<CollectionCache>) -> Self {
        Self { logs: Logs::after(earlier.logs()), ..Self::default() }
    }

    /// The number of segments that could be compacted.
    pub(crate) fn dead(&self) -> usize {
        let is_compactable =
            |part: &&Part| part.life == Life::Dead && part.segment.unknown().is_none();
        self.parts.iter().filter(is_compactable).count().saturating_add(self.settled())
    }

    /// The number of segments that are not among the parts.
    pub(crate) fn settled(&self) -> usize {
        self.settled.as_ref().map_or(0, |settled| settled.len())
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

    fn attempt(
        wanted: Wanted<'_>,
        earlier: &Arc<CollectionCache>,
        settled: Option<Arc<Settled>>,
    ) -> Result<Attempt, Error> {
        let Wanted { directory, this, limit, with_own, with_python, .. } = wanted;
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
                if let Some(settled) = settled {
                    if !scan.take_settled(directory, settled, &mut names) {
                        return Ok(Attempt::OtherSums);
                    }
                }
                scan.read_segments(directory, names)?;
                if scan.has_python {
                    scan.read_python(directory, &python, earlier)?;
                }
            }
            // The directory may permit opening but not listing. This process's own counts are
            // available.
            Err(e) if with_own => return Self::of_own_instead(this, e, earlier).map(Attempt::Done),
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
            return Ok(Attempt::Overtaken);
        }
        if scan.archive().generation.saturating_sub(at_first) > TOMBSTONE_GENERATIONS {
            return Ok(Attempt::Overtaken);
        }
        let segments = scan.parts.iter().map(|part| (part.segment.age(), part.segment.time_base()));
        let settled = scan.settled.iter().flat_map(|settled| settled.ages());
        let clock = Clock::new(scan.archive().base, segments.chain(settled));
        if !scan.may_use_sums(&clock) {
            return Ok(Attempt::OtherSums);
        }
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
        let mut dead = vec![Life::Dead; scan.settled()];
        let headers = scan.settled.iter().flat_map(|settled| settled.headers());
        let parts = scan.parts.iter_mut().map(|part| (&part.segment.header, &mut part.life));
        settle(parts.chain(headers.zip(&mut dead)).collect());
        if wanted.with_sums && earlier.is_of_one() {
            scan.settle_dead(&clock);
        }
        Ok(Attempt::Done(scan))
    }

    /// Takes the sums in place of their segments, whose names it removes. `false`: these files are
    /// not as they were, or the sums are more than this collection may take.
    fn take_settled(
        &mut self,
        directory: &Directory,
        mut settled: Arc<Settled>,
        names: &mut Names,
    ) -> bool {
        let segments = core::mem::take(&mut names.segments);
        let Some(others) = Settled::others(&mut settled, directory, segments) else { return false };
        names.segments = others;
        let has_space = self.memory.take_bytes(settled.memory).is_ok()
            && self.logs.layouts.take_text(settled.text).is_ok();
        self.settled = Some(settled);
        has_space
    }

    /// Whether the sums count nothing that counts elsewhere too, and have this clock's times.
    fn may_use_sums(&self, clock: &Clock) -> bool {
        let Some(settled) = &self.settled else { return true };
        let archive = self.archive();
        let mut parts = self.parts.iter().map(|part| &part.segment.header.instance);
        let is_archived = || settled.instances().any(|instance| archive.has(instance));
        settled.is_by(clock)
            && !parts.any(|instance| settled.has(instance))
            && (archive.tombstones.is_empty() || !is_archived())
    }

    /// Adds the dead that do not change to the sums.
    fn settle_dead(&mut self, clock: &Clock) {
        let candidates = core::mem::take(&mut self.candidates);
        if candidates.len() < settled::ENOUGH {
            return;
        }
        let is_one = |part: &Part| {
            candidates.contains_key(&part.segment.header.instance)
                && part.segment.log.layout.has_each_family_once()
        };
        let (dead, others): (Vec<Part>, _) =
            core::mem::take(&mut self.parts).into_iter().partition(is_one);
        self.parts = others;
        let earlier = self.settled.as_ref();
        let settled = (dead.len() >= settled::ENOUGH)
            .then(|| Settled::with(earlier, &dead, candidates, clock))
            .flatten();
        match settled {
            Some(settled) => self.settled = Some(Arc::new(settled)),
            None => self.parts.extend(dead),
        }
    }

    fn take_own(&mut self, this: ThisProcess) {
        match this.read(&mut self.logs) {
            Ok(Some(segment)) => {
                self.own = Some(segment.header.instance);
                self.parts.push(Part::new(segment, Life::Locked));
            }
            Ok(None) => {}
            Err(e) => self.skipped.push(e),
        }
    }

    fn read_segments(&mut self, directory: &Directory, names: Names) -> Result<(), Error> {
        self.set_aside = names.set_aside.len();
        if names.segments.is_empty() {
            return Ok(());
        }
        let here = Here::in_directory(directory);
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
        let opened = now_ns();
        // `None`: the file is gone.
        let Some((fd, stat)) = directory.open_with_stat(name)? else { return Ok(()) };
        // Before everything else: if the process is dead now, all of it has its last values.
        let held = lock::is_held(&fd);
        let source = Source::File(fd);
        let mut front = Front::read(&source, length(&stat))?;
        if let Source::File(fd) = &source {
            keep_young(fd, &stat);
        }
        if self.own == Some(front.header.instance) {
            return Ok(());
        }
        let life = here.judge(&front.header, &held).0;
        // Where that was not known from the lock, the process may have gone on for a moment.
        if front.header.liveness != LIVENESS_OFD || held.is_err() {
            front = front.without_words();
        }
        let segment = Segment::read_from(&source, front, &mut self.logs)?;
        let before = self.memory.left();
        self.memory.take(&segment, on_disk(&stat))?;
        let left_out = segment.left_out();
        let has_own_name = segment_name(segment.header.pid, &segment.header.instance) == name;
        let part = Part::of_file(segment, life, has_own_name);
        let memory = before.saturating_sub(self.memory.left());
        // Elsewhere another machine might write to it, and its times might be those of a cache.
        let candidate = Candidate::of(name.to_owned(), &part, &stat, opened, memory);
        let candidate = candidate.filter(|_| here.is_local());
        let instance = part.segment.header.instance;
        self.add(part)?;
        self.candidates.extend(candidate.map(|candidate| (instance, candidate)));
        // The rest of the segment counts.
        left_out.map_or(Ok(()), Err)
    }

    /// Adds a segment. Two files with one instance are one process.
    fn add(&mut self, mut part: Part) -> Result<(), Error> {
        let instance = part.segment.header.instance;
        let Some(known) = self.instances.get(&instance).and_then(|at| self.parts.get_mut(*at))
        else {
            self.instances.insert(instance, self.parts.len());
            self.parts.push(part);
            return Ok(());
        };
        if part.rank() > known.rank() {
            core::mem::swap(known, &mut part);
        }
        // The other file may change.
        self.candidates.remove(&instance);
        Err(Error::new(ErrorKind::Foreign { reason: "a copy of another segment" }))
    }
}
