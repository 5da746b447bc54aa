//! Compacts dead segments into the archive. The process may be killed at any step without losing or
//! doubling a count.

use std::sync::Arc;
use std::time::Instant;

use crate::directory::{Directory, segment_name};
use crate::error::Error;
use crate::merge::archived::{Archive, ArchivedFamily};
use crate::merge::part::Part;
use crate::model::instance::InstanceId;
use crate::model::sorted::SortedSet;
use crate::process::{Forks, now_ns};
use crate::reader::liveness::Here;
use crate::reader::log_reader::Logs;
use crate::reader::segment::Segment;
use crate::reader::times::Clock;

use super::compact::{Now, SeriesOfSegments, compact, leave_out_ended, series_of, take_in};
use super::encoding::encode;
use super::limits::Limits;
use super::listing::{Listed, Opened};
use super::lock::CompactionLock;

/// Cells of dead segments that one generation holds in memory: 64 MiB.
const MOST_CELLS: usize = 1 << 23;

/// Compacts one directory. It holds the lock for as long as it exists.
pub(crate) struct Compactor<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) lock: CompactionLock<'a>,
    pub(super) forks: Forks,
}

/// The result of one generation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Generation {
    pub(crate) number: u64,
    pub(crate) compacted: usize,
    /// Whether there are more segments to compact.
    pub(crate) has_more: bool,
}

/// What the next generation adds.
struct NextGeneration {
    limits: Limits,
    /// When the first segment was about to be read. The listing is not included: where that takes
    /// long, there is much to compact.
    began: Instant,
    logs: Logs,
    parts: Vec<Part>,
    cells: usize,
    /// The files that are removed once the generation is written.
    buried: Vec<String>,
    has_more: bool,
}

impl NextGeneration {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            began: Instant::now(),
            logs: Logs::of_text(limits.text),
            parts: Vec::new(),
            cells: 0,
            buried: Vec::new(),
            has_more: false,
        }
    }

    /// Whether it has all that one generation may add. It adds one segment at least.
    fn is_full(&self) -> bool {
        let is_over = self.parts.len() >= self.limits.files
            || self.cells >= MOST_CELLS
            || self.began.elapsed() > self.limits.time;
        is_over && !self.parts.is_empty()
    }
}

impl<'a> Compactor<'a> {
    /// `None` if another process is compacting.
    pub(crate) fn new(directory: &'a Directory, forks: Forks) -> Result<Option<Self>, Error> {
        let lock = CompactionLock::take(directory, forks)?;
        Ok(lock.map(|lock| Self { directory, lock, forks }))
    }

    /// Writes one generation of the archive, if there is anything to compact. What cannot be read
    /// is left out and reported.
    pub(crate) fn generation(
        &self,
        limits: Limits,
        skipped: &mut Vec<Error>,
    ) -> Result<Generation, Error> {
        let here = Here::in_directory(self.directory);
        let (mut old, listing, original) = self.list(&here, true, skipped)?;
        let clock = Clock::new(old.base, listing.bases.iter().copied());
        old.count_from(&clock);
        let mut next = NextGeneration::new(limits);
        for (instance, files) in listing.dead {
            if old.has(&instance) {
                next.buried.extend(files.into_iter().map(|file| file.name));
            } else if limits.is_for(files.iter().map(|file| file.header.pid)) {
                self.add(&mut next, files, &here, &clock, skipped);
            }
        }
        let NextGeneration { parts, buried, has_more, .. } = next;
        if parts.is_empty() {
            // Segments that are archived already, but whose compactor was killed before it removed
            // them.
            self.unlink(&buried)?;
            return Ok(Generation { number: old.generation, compacted: 0, has_more: false });
        }
        let mut archive = compact(old, &parts, &listing.instances, Now::by(&clock));
        leave_out_ended(&mut archive, || self.series_of_others(&buried, &here, &clock))?;
        self.write(&original, &encode(&archive, now_ns()))?;
        self.unlink(&buried)?;
        Ok(Generation { number: archive.generation, compacted: parts.len(), has_more })
    }

    /// Adds a dead segment to the next generation. `files` are the segment's file and its copies.
    fn add(
        &self,
        next: &mut NextGeneration,
        files: Vec<Listed>,
        here: &Here,
        clock: &Clock,
        skipped: &mut Vec<Error>,
    ) {
        if next.is_full() {
            next.has_more = true;
            return;
        }
        let is_first = next.parts.is_empty();
        let (mut copies, mut waits, mut is_beyond) = (Vec::<Part>::new(), false, false);
        for file in &files {
            match self.read_known(&file.name, here, &mut next.logs) {
                Ok(copy) => copies.extend(copy),
                // Read first in a later generation, this segment may fit. It waits for that, with
                // its copies.
                Err(e) if e.is_over_limit() && !is_first => waits = true,
                Err(e) => {
                    // Another copy of this segment may contain less, so none of them is compacted.
                    // A damaged one is of no use to anybody.
                    is_beyond |= !e.is_damaged();
                    self.set_aside(&file.name, e, here, skipped);
                }
            }
        }
        // As in a collection.
        let part = copies.into_iter().max_by_key(Part::rank);
        if waits {
            next.has_more = true;
        } else if let Some(mut part) = part.filter(|_| !is_beyond) {
            // Their counts are lost here: no version could show them.
            let wrong = part.segment.wrong().zip(files.first());
            skipped.extend(wrong.map(|(e, file)| e.at(&self.directory.path().join(&file.name))));
            part.segment.times = clock.times_of(&part.segment.time_base());
            next.cells = next.cells.saturating_add(part.segment.cells());
            next.parts.push(part);
            next.buried.extend(files.into_iter().map(|file| file.name));
        }
    }

    /// Writes a generation with families of another library's dead processes, whose files have
    /// these identities. The caller removes the files then.
    pub(crate) fn take_in(
        &self,
        families: &[Arc<ArchivedFamily>],
        instances: &[InstanceId],
    ) -> Result<u64, Error> {
        let here = Here::in_directory(self.directory);
        let (mut old, listing, original) = self.list(&here, true, &mut Vec::new())?;
        let clock = Clock::new(old.base, listing.bases.iter().copied());
        old.count_from(&clock);
        let now = Now::by(&clock);
        let mut archive = compact(old, &[], &listing.instances, now);
        take_in(&mut archive, families, instances, now);
        self.write(&original, &encode(&archive, now_ns()))?;
        Ok(archive.generation)
    }

    /// Writes a generation without what `what` deletes, unless it deletes nothing, and returns how
    /// many series it deleted. `what` is given the series of all segments that are not in the
    /// archive.
    pub(crate) fn forget(
        &self,
        what: impl FnOnce(&mut Archive, &[SeriesOfSegments]) -> Vec<String>,
        writes: bool,
    ) -> Result<Vec<String>, Error> {
        let here = Here::in_directory(self.directory);
        // The caller has compacted, or asked what a compaction would do: either reports them.
        let (mut old, listing, original) = self.list(&here, writes, &mut Vec::new())?;
        let clock = Clock::new(old.base, listing.bases.iter().copied());
        old.count_from(&clock);
        let dead = listing.dead.into_iter().filter(|(instance, _)| old.has(instance));
        let buried: Vec<String> = dead.flat_map(|(_, files)| files).map(|file| file.name).collect();
        // The tombstones stay, and age.
        let mut archive = compact(old, &[], &listing.instances, Now::by(&clock));
        let forgotten = what(&mut archive, &self.series_of_others(&buried, &here, &clock)?);
        if !writes {
            return Ok(forgotten);
        }
        if !forgotten.is_empty() {
            self.write(&original, &encode(&archive, now_ns()))?;
        }
        self.unlink(&buried)?;
        Ok(forgotten)
    }

    /// Returns the segments that a compaction would set aside for what is behind their headers, and
    /// reports whatever it would report. Changes nothing.
    pub(crate) fn would_set_aside(&self, skipped: &mut Vec<Error>) -> Result<Vec<String>, Error> {
        let here = Here::in_directory(self.directory);
        let (old, listing, _original) = self.list(&here, false, skipped)?;
        let dead = listing.dead.into_iter().filter(|(instance, _)| !old.has(instance));
        let mut damaged = Vec::new();
        for Listed { name, .. } in dead.flat_map(|(_, files)| files) {
            // Each as the first of a generation, which has all of its limits to itself.
            let mut logs = Logs::of_text(Limits::WIDEST.text);
            let error = match self.read_known(&name, &here, &mut logs) {
                Ok(part) => part.and_then(|part| part.segment.wrong()),
                Err(e) => {
                    if e.is_damaged() {
                        damaged.push(name.clone());
                    }
                    Some(e)
                }
            };
            skipped.extend(error.map(|e| e.at(&self.directory.path().join(&name))));
        }
        Ok(damaged)
    }

    /// `None`: the file is gone.
    fn read(&self, name: &str, here: &Here, logs: &mut Logs) -> Result<Option<Part>, Error> {
        let Some(Opened { source, header, life }) = self.open(name, here)? else {
            return Ok(None);
        };
        let segment = Segment::read(&source, header, logs)?;
        let has_own_name = segment_name(segment.header.pid, &segment.header.instance) == name;
        Ok(Some(Part::of_file(segment, life, has_own_name)))
    }

    /// The same, unless it has metrics that this version can't archive: they would be lost.
    fn read_known(&self, name: &str, here: &Here, logs: &mut Logs) -> Result<Option<Part>, Error> {
        let part = self.read(name, here, logs)?;
        match part.as_ref().and_then(|part| part.segment.unknown()) {
            Some(unknown) => Err(unknown),
            None => Ok(part),
        }
    }

    /// The series of all segments that stay, with their spans.
    fn series_of_others(
        &self,
        compacted: &[String],
        here: &Here,
        clock: &Clock,
    ) -> Result<Vec<SeriesOfSegments>, Error> {
        let mut read = Logs::default();
        let mut parts = Vec::new();
        let compacted: SortedSet<&String> = compacted.iter().collect();
        for name in self.directory.names()?.segments.iter().filter(|name| !compacted.contains(name))
        {
            match self.read(name, here, &mut read) {
                Ok(part) => parts.extend(part.map(|mut part| {
                    part.segment.times = clock.times_of(&part.segment.time_base());
                    part
                })),
                // The file may become readable in a moment. Then the spans that it has in common
                // with the archive would be missing.
                Err(e) if e.is_io() => return Err(e.at(&self.directory.path().join(name))),
                // A damaged segment is in no exposition either.
                Err(_) => {}
            }
        }
        Ok(series_of(&parts))
    }
}
