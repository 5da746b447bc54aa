//! Compacts dead segments into the archive. The process may be killed at any step without losing or
//! doubling a count.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, fchmod, fsync, openat, renameat_with, unlinkat,
};
use rustix::io::{Errno, pwrite};
use rustix::process::{Resource, getrlimit};

use crate::directory::{ARCHIVE, Directory, Names, SET_ASIDE, SUFFIX, UNFINISHED};
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::merge::archived::Archive;
use crate::merge::part::Part;
use crate::model::instance::{Age, hex};
use crate::process::{Forks, epoch, now_ns, random};
use crate::reader::liveness::{Here, Life};
use crate::reader::log_reader::Logs;
use crate::reader::segment::{Segment, read_header};
use crate::reader::source::Source;
use crate::reader::times::{Clock, TimeBase};
use crate::replace::Original;
use crate::segment::format::Header;
use crate::segment::lock as locks;

use super::batch::Portion;
use super::compact::{SeriesOfSegments, compact, leave_out_ended, series_of};
use super::encoding::{MAX_LEN, decode, encode};
use super::file::read;
use super::lock::CompactionLock;

/// Cells of dead segments that one generation holds in memory: 64 MiB.
const MOST_CELLS: usize = 1 << 23;

/// Compacts one directory. It holds the lock for as long as it exists.
pub(crate) struct Compactor<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) lock: CompactionLock<'a>,
    forks: Forks,
}

/// The result of one generation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Generation {
    pub(crate) number: u64,
    pub(crate) compacted: usize,
    /// Whether there are more segments to compact.
    pub(crate) has_more: bool,
}

/// The segments of a directory.
#[derive(Default)]
pub(crate) struct Listing {
    /// The instances of all files.
    instances: HashSet<[u8; 16]>,
    /// The segments that no process can write to any more; for each instance its file, and copies
    /// of it.
    pub(crate) dead: BTreeMap<[u8; 16], Vec<Listed>>,
    /// The age and the time base of each segment.
    bases: Vec<(Age, TimeBase)>,
}

/// A file of a segment, with its header.
pub(crate) struct Listed {
    pub(crate) name: String,
    header: Header,
    life: Life,
}

/// A segment's file.
struct Opened {
    source: Source,
    header: Header,
    life: Life,
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
        portion: Portion,
        skipped: &mut Vec<Error>,
    ) -> Result<Generation, Error> {
        let here = Here::in_directory(self.directory);
        let (mut old, listing, original) = self.list(&here, skipped)?;
        let clock = Clock::new(old.base, listing.bases.iter().copied());
        old.count_from(&clock);
        let mut logs = Logs::of_text(portion.text);
        let (mut parts, mut buried, mut has_more) = (Vec::<Part>::new(), Vec::new(), false);
        let mut cells = 0_usize;
        // Does not include the listing: where that takes long, there is much to compact.
        let began = Instant::now();
        for (instance, files) in listing.dead {
            let is_wanted =
                portion.pid.is_none_or(|pid| files.iter().any(|file| file.header.pid == pid));
            let is_full = parts.len() >= portion.files
                || cells >= MOST_CELLS
                || began.elapsed() > portion.time;
            let names = files.into_iter().map(|file| file.name);
            if old.has(&instance) {
                buried.extend(names);
            } else if is_wanted && is_full && !parts.is_empty() {
                has_more = true;
            } else if is_wanted {
                let names: Vec<String> = names.collect();
                // Read first in a later generation, this segment may fit. It waits for that, with
                // its copies.
                let (mut waits, mut is_beyond) = (false, false);
                let is_first = parts.is_empty();
                let read = names.iter().filter_map(|name| {
                    let read = self.read(name, &here, &mut logs);
                    // This version cannot archive unknown metrics, so they would be lost.
                    let read = read.and_then(|part| match &part {
                        Some(Part { segment, .. }) => segment.unknown().map_or(Ok(part), Err),
                        None => Ok(None),
                    });
                    read.unwrap_or_else(|e| {
                        if e.is_crowded() && !is_first {
                            waits = true;
                        } else {
                            // Another copy of this segment may contain less, so none of them is
                            // compacted.
                            is_beyond |= e.is_version();
                            self.set_aside(name, e, &here, skipped);
                        }
                        None
                    })
                });
                // The copy with the newest log, as in a collection.
                let part = read.max_by_key(|part| part.segment.log.id.age());
                if waits {
                    has_more = true;
                } else if let Some(mut part) = part.filter(|_| !is_beyond) {
                    // Their counts are lost here: no version could show them.
                    let wrong = part.segment.wrong().zip(names.first());
                    skipped.extend(wrong.map(|(e, name)| e.at(&self.directory.path().join(name))));
                    part.segment.times = clock.times_of(&part.segment.time_base());
                    cells = cells.saturating_add(part.segment.cells());
                    parts.push(part);
                    buried.extend(names);
                }
            }
        }
        if parts.is_empty() {
            // Segments that are archived already, but whose compactor was killed before it removed
            // them.
            self.unlink(&buried)?;
            return Ok(Generation { number: old.generation, compacted: 0, has_more: false });
        }
        let mut archive = compact(old, &parts, &listing.instances, now_ns());
        leave_out_ended(&mut archive, || self.series_of_others(&buried, &here, &clock))?;
        self.write(&original, &encode(&archive, now_ns()))?;
        self.unlink(&buried)?;
        Ok(Generation { number: archive.generation, compacted: parts.len(), has_more })
    }

    /// Writes a generation without what `what` deletes, unless it deletes nothing, and returns how
    /// many series it deleted. `what` is given the series of all segments that are not in the
    /// archive.
    pub(crate) fn forget(
        &self,
        what: impl FnOnce(&mut Archive, &[SeriesOfSegments]) -> usize,
        skipped: &mut Vec<Error>,
    ) -> Result<usize, Error> {
        let here = Here::in_directory(self.directory);
        let (mut old, listing, original) = self.list(&here, skipped)?;
        let clock = Clock::new(old.base, listing.bases.iter().copied());
        old.count_from(&clock);
        let dead = listing.dead.into_iter().filter(|(instance, _)| old.has(instance));
        let buried: Vec<String> = dead.flat_map(|(_, files)| files).map(|file| file.name).collect();
        // The tombstones stay, and age.
        let mut archive = compact(old, &[], &listing.instances, now_ns());
        let forgotten = what(&mut archive, &self.series_of_others(&buried, &here, &clock)?);
        if forgotten > 0 {
            self.write(&original, &encode(&archive, now_ns()))?;
        }
        self.unlink(&buried)?;
        Ok(forgotten)
    }

    /// Removes the damaged segments that were set aside, and returns their number.
    pub(crate) fn remove_set_aside(&self) -> Result<usize, Error> {
        let mut removed = 0;
        for name in self.directory.names()?.set_aside {
            let Ok(Some(fd)) = self.directory.open_file(&name) else { continue };
            // A user may have given a living process's segment such a name.
            if !matches!(locks::is_held(&fd), Ok(false)) {
                continue;
            }
            self.lock.check()?;
            fault::call!("clean.remove", unlinkat(self.directory, &name, AtFlags::empty()))
                .map_err(|e| {
                    Error::io("remove the file", e).at(&self.directory.path().join(&name))
                })?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Reads the archive, lists the segments, and gets the right to replace this very archive.
    pub(crate) fn list(
        &self,
        here: &Here,
        skipped: &mut Vec<Error>,
    ) -> Result<(Archive, Listing, Original<'a>), Error> {
        let at_archive = |e: Error| e.at(&self.directory.path().join(ARCHIVE));
        // Held before the archive is read: see `replace`.
        let original = Original::hold(self.directory, ARCHIVE, self.forks).map_err(at_archive)?;
        let original = original.ok_or_else(|| Error::new(ErrorKind::Busy))?;
        let names = self.directory.names()?;
        self.tidy(&names)?;
        // An archive that is damaged, or newer than this program, is never replaced.
        let old = read(self.directory).map_err(at_archive)?;
        original.check()?;
        let mut listing = Listing::default();
        let mut unread = HashSet::new();
        for name in names.segments {
            match self.open(&name, here) {
                Ok(Some(Opened { header, life, .. })) => {
                    listing.instances.insert(header.instance);
                    let age = (header.created_ns, header.instance);
                    listing.bases.push((age, TimeBase::of(&header)));
                    let files = listing.dead.entry(header.instance).or_default();
                    files.push(Listed { name, header, life });
                }
                Ok(None) => {}
                Err(e) => {
                    // This file may belong to a segment that is archived, and may become readable
                    // again. Its tombstone must not expire until then.
                    listing.instances.extend(instance_in(&name));
                    unread.extend(instance_in(&name));
                    self.set_aside(&name, e, here, skipped);
                }
            }
        }
        // A copy of a living process's segment holds no lock, but is that process's segment all the
        // same. And of two files, the one that could not be opened may be the living process's.
        listing.dead.retain(|instance, files| {
            !unread.contains(instance) && files.iter().all(|file| file.life == Life::Dead)
        });
        Ok((old, listing, original))
    }

    fn open(&self, name: &str, here: &Here) -> Result<Option<Opened>, Error> {
        let Some((fd, size)) = self.directory.open_sized(name)? else { return Ok(None) };
        let source = Source::File(fd);
        let header = read_header(&source, size)?;
        let Source::File(fd) = &source else { return Ok(None) };
        let life = here.of(&header, fd);
        Ok(Some(Opened { source, header, life }))
    }

    /// `None`: the file is gone.
    fn read(&self, name: &str, here: &Here, logs: &mut Logs) -> Result<Option<Part>, Error> {
        let Some(Opened { source, header, life }) = self.open(name, here)? else {
            return Ok(None);
        };
        let segment = Segment::read(&source, header, logs)?;
        Ok(Some(Part { segment, life }))
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
        let compacted: HashSet<&String> = compacted.iter().collect();
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

    /// Renames a damaged segment of a dead process, so that it is not read each time. It is never
    /// removed.
    fn set_aside(&self, name: &str, error: Error, here: &Here, skipped: &mut Vec<Error>) {
        let is_ours = error.is_damage() && self.lock.check().is_ok();
        skipped.push(error.at(&self.directory.path().join(name)));
        let Ok(Some(fd)) = self.directory.open_file(name) else { return };
        if !is_ours || !matches!(locks::is_held(&fd), Ok(false)) {
            return;
        }
        // Where locks can't be trusted, the header says so, if it can be read.
        if matches!(self.open(name, here), Ok(Some(opened)) if opened.life != Life::Dead) {
            return;
        }
        let new = format!("{name}{SET_ASIDE}");
        let flags = RenameFlags::NOREPLACE;
        fault::step!("compaction.set_aside", {
            let _ = renameat_with(self.directory, name, self.directory, &new, flags);
        });
    }

    /// Removes unfinished files of compactors and of processes that were killed.
    fn tidy(&self, names: &Names) -> Result<(), Error> {
        for name in &names.unfinished {
            self.lock.check()?;
            // This process has the lock, so nobody is writing to one.
            fault::step!("compaction.tidy", {
                let _ = unlinkat(self.directory, name, AtFlags::empty());
            });
        }
        for name in &names.temporary {
            let Ok(Some(fd)) = self.open_for_locking(name) else { continue };
            // The process that creates it checks, after it has locked it, that it still has a name.
            if locks::take(&fd).is_ok() {
                fault::step!("compaction.tidy", {
                    let _ = unlinkat(self.directory, name, AtFlags::empty());
                });
            }
        }
        Ok(())
    }

    pub(crate) fn open_for_locking(&self, name: &str) -> Result<Option<OwnedFd>, Error> {
        // Opened without write access first, to check that it is a regular file, and whose.
        if self.directory.open_file(name)?.is_none() {
            return Ok(None);
        }
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(self.directory, name, flags, Mode::empty()).ok())
    }

    /// The commit: replaces the archive as a whole.
    fn write(&self, original: &Original<'_>, bytes: &[u8]) -> Result<(), Error> {
        // Writing beyond the limit raises a signal that ends the program.
        let largest = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        if bytes.len() as u64 > largest.min(MAX_LEN) {
            return Err(Error::io("write the archive", Errno::FBIG));
        }
        // If no reader accepted the archive, the counts of the removed segments would be lost.
        decode(bytes).map_err(|_| Error::io("write the archive", Errno::FBIG))?;
        let random = random().map_err(|e| Error::io("get a random number", e))?;
        let name = format!("{UNFINISHED}{}", hex(&random));
        let writer = epoch();
        let written = self.write_as(&name, bytes).and_then(|()| {
            self.lock.check()?;
            original.check()?;
            fault::call!("compaction.rename", original.replace_by(&name)).map_err(|e| match e {
                // Another compactor has created the first archive meanwhile, or removed this
                // unfinished one.
                Errno::EXIST | Errno::NOENT => Error::new(ErrorKind::LockLost),
                e => Error::io("replace the archive", e),
            })
        });
        // A child that a signal handler forked meanwhile comes here too, and the file is its
        // parent's.
        if written.is_err() && writer == epoch() {
            fault::step!("compaction.remove", {
                let _ = unlinkat(self.directory, &name, AtFlags::empty());
            });
        }
        written?;
        // Without this, a power failure could leave the old archive without the segments that were
        // removed.
        fault::call!("compaction.sync_directory", fsync(self.directory))
            .map_err(|e| Error::io("sync the directory", e))
    }

    fn write_as(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = self.directory.file_mode();
        let refused = |e| Error::io("make a new archive", e);
        let fd = fault::call!("compaction.create", openat(self.directory, name, flags, mode));
        let fd = fd.map_err(refused)?;
        // The umask may have removed permissions.
        fault::call!("compaction.mode", fchmod(&fd, mode)).map_err(refused)?;
        self.directory.give_to_owner(&fd)?;
        // At places that are named. A child that a signal handler forks here writes too, and shares
        // the file's position: with plain writes the file would have the bytes twice.
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match fault::call!("compaction.write", pwrite(&fd, rest, written as u64)) {
                Ok(0) => return Err(Error::io("write the archive", Errno::IO)),
                Ok(n) => written += n,
                Err(Errno::INTR) => {}
                Err(e) => return Err(Error::io("write the archive", e)),
            }
        }
        fault::call!("compaction.sync", fsync(&fd)).map_err(|e| Error::io("sync the archive", e))
    }

    /// Removes segments. Only for segments that have a tombstone in the archive that is in place.
    fn unlink(&self, names: &[String]) -> Result<(), Error> {
        for name in names {
            self.lock.check()?;
            let gone =
                fault::call!("compaction.unlink", unlinkat(self.directory, name, AtFlags::empty()));
            match gone {
                // The next compactor tries again: the tombstone stays as long as the file does.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// The instance that a file's name contains.
fn instance_in(name: &str) -> Option<[u8; 16]> {
    let (_, digits) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let number = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(number.to_be_bytes())
}
