//! Folding: dead segments become part of the archive, whatever happens in between.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, fchmod, fstat, fsync, openat, renameat, renameat_with,
    unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use crate::directory::{ARCHIVE, Directory, Names, SET_ASIDE, UNFINISHED};
use crate::error::Error;
use crate::process::now_ns;
use crate::segment::create::hex;
use crate::segment::format::Header;
use crate::segment::lock as locks;

use super::super::decode::{Segment, read_header};
use super::super::layout::Layouts;
use super::super::liveness::{Here, Life};
use super::super::merge::Part;
use super::super::merging::Labels;
use super::super::read::Source;
use super::fold::{fold, leave_out_ended, series_of};
use super::format::{MAX_LEN, encode, read};
use super::lock::FoldLock;

/// What one generation takes in at most, so that a collection that folds takes no longer for it than anyone would notice.
const MOST: usize = 256;
const LONGEST: Duration = Duration::from_millis(50);

/// Folds one directory, as long as it exists: it holds the lock.
pub(in super::super) struct Folder<'a> {
    directory: &'a Directory,
    lock: FoldLock,
}

/// What one generation did.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Generation {
    pub(in super::super) number: u64,
    pub(in super::super) folded: usize,
    /// Whether there are more to be folded.
    pub(in super::super) has_more: bool,
}

/// A segment's file.
struct Opened {
    source: Source,
    header: Header,
    life: Life,
}

impl<'a> Folder<'a> {
    /// `None` if someone else folds.
    pub(in super::super) fn new(directory: &'a Directory) -> Result<Option<Self>, Error> {
        Ok(FoldLock::take(directory)?.map(|lock| Self { directory, lock }))
    }

    /// Writes one generation of the archive, if there is anything to fold. What can't be read is left out and told.
    pub(in super::super) fn generation(
        &self,
        skipped: &mut Vec<Error>,
    ) -> Result<Generation, Error> {
        let began = Instant::now();
        let names = self.directory.names()?;
        self.tidy(&names);
        // Never over an archive that is damaged, or newer than this program.
        let old = read(self.directory).map_err(|e| e.at(&self.directory.path().join(ARCHIVE)))?;
        let here = Here::in_directory(self.directory);
        let mut files = BTreeMap::<[u8; 16], Vec<(String, Life)>>::new();
        for name in &names.segments {
            match self.open(name, &here) {
                Ok(Some(Opened { header, life, .. })) => {
                    files.entry(header.instance).or_default().push((name.clone(), life));
                }
                Ok(None) => {}
                Err(e) => self.set_aside(name, e, skipped),
            }
        }
        let listed: HashSet<[u8; 16]> = files.keys().copied().collect();
        // A copy of a living process's segment holds no lock; it is that process's all the same.
        files.retain(|_, copies| copies.iter().all(|(_, life)| *life == Life::Dead));
        let mut layouts = Layouts::default();
        let (mut parts, mut buried, mut has_more) = (Vec::new(), Vec::new(), false);
        for (instance, copies) in files {
            let names = copies.into_iter().map(|(name, _)| name);
            if old.has(&instance) {
                buried.extend(names);
            } else if parts.len() >= MOST || began.elapsed() > LONGEST && !parts.is_empty() {
                has_more = true;
            } else {
                let names: Vec<String> = names.collect();
                let read = names.iter().filter_map(|name| {
                    let read = self.read(name, &here, &mut layouts);
                    read.unwrap_or_else(|e| {
                        self.set_aside(name, e, skipped);
                        None
                    })
                });
                // The one that knows more, as a collection chooses.
                if let Some(part) = read.max_by_key(|part| part.segment.log_used) {
                    parts.push(part);
                    buried.extend(names);
                }
            }
        }
        if parts.is_empty() {
            // Those whose folder was killed before it could.
            self.unlink(&buried)?;
            return Ok(Generation { number: old.generation, folded: 0, has_more: false });
        }
        let mut archive = fold(old, &parts, &listed, now_ns());
        leave_out_ended(&mut archive, || self.series_of_others(&names, &buried, &here));
        self.write(&encode(&archive, now_ns()))?;
        self.unlink(&buried)?;
        Ok(Generation { number: archive.generation, folded: parts.len(), has_more })
    }

    fn open(&self, name: &str, here: &Here) -> Result<Option<Opened>, Error> {
        let Some(fd) = self.directory.open_file(name)? else { return Ok(None) };
        let stat = fstat(&fd).map_err(|e| Error::io("look at it", e))?;
        let source = Source::File(fd);
        let header = read_header(&source, u64::try_from(stat.st_size).unwrap_or(0))?;
        let Source::File(fd) = &source else { return Ok(None) };
        let life = here.of(&header, fd);
        Ok(Some(Opened { source, header, life }))
    }

    /// `None`: it is gone.
    fn read(&self, name: &str, here: &Here, layouts: &mut Layouts) -> Result<Option<Part>, Error> {
        let Some(Opened { source, header, life }) = self.open(name, here)? else {
            return Ok(None);
        };
        Ok(Some(Part { segment: Segment::read(&source, header, layouts)?, life }))
    }

    /// The series of all segments that stay, with their spans.
    fn series_of_others(
        &self,
        names: &Names,
        folded: &[String],
        here: &Here,
    ) -> Vec<(String, Labels, (u64, u64))> {
        let mut read = Layouts::default();
        let others = names.segments.iter().filter(|name| !folded.contains(name));
        // What can't be read is in no exposition either.
        let parts: Vec<Part> =
            others.filter_map(|name| self.read(name, here, &mut read).ok().flatten()).collect();
        series_of(&parts)
    }

    /// Renames a segment that is ours, damaged, and nobody's any more, so that it isn't read each time. It is never removed.
    fn set_aside(&self, name: &str, error: Error, skipped: &mut Vec<Error>) {
        let is_ours = error.is_damage() && self.lock.check().is_ok();
        skipped.push(error.at(&self.directory.path().join(name)));
        let Ok(Some(fd)) = self.directory.open_file(name) else { return };
        if !is_ours || !matches!(locks::is_held(&fd), Ok(false)) {
            return;
        }
        let new = format!("{name}{SET_ASIDE}");
        let flags = RenameFlags::NOREPLACE;
        let _ = renameat_with(self.directory, name, self.directory, &new, flags);
    }

    /// Removes what folders and creators that were killed have left half done.
    fn tidy(&self, names: &Names) {
        for name in &names.unfinished {
            // This folder has the lock, so nobody is writing one.
            let _ = unlinkat(self.directory, name, AtFlags::empty());
        }
        for name in &names.temporary {
            let Ok(Some(fd)) = self.open_for_locking(name) else { continue };
            // Whoever is making it looks, once it is locked, whether it still has a name.
            if locks::take(&fd).is_ok() {
                let _ = unlinkat(self.directory, name, AtFlags::empty());
            }
        }
    }

    fn open_for_locking(&self, name: &str) -> Result<Option<OwnedFd>, Error> {
        // Looked at first, without writing: whether it is a file at all, and whose.
        if self.directory.open_file(name)?.is_none() {
            return Ok(None);
        }
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(self.directory, name, flags, Mode::empty()).ok())
    }

    /// The commit: the archive is replaced as a whole.
    fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        // A file beyond the limit is a signal that ends the program.
        let largest = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        if bytes.len() as u64 > largest.min(MAX_LEN) {
            return Err(Error::io("write the archive", Errno::FBIG));
        }
        let mut random = [0; 16];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
            .map_err(|e| Error::io("get a random number", e))?;
        let name = format!("{UNFINISHED}{}", hex(&random));
        let written = self.write_as(&name, bytes).and_then(|()| {
            self.lock.check()?;
            renameat(self.directory, &name, self.directory, ARCHIVE)
                .map_err(|e| Error::io("replace the archive", e))
        });
        if written.is_err() {
            let _ = unlinkat(self.directory, &name, AtFlags::empty());
        }
        written?;
        // Else a power cut could leave the old archive beside segments that are gone.
        fsync(self.directory).map_err(|e| Error::io("sync the directory", e))
    }

    fn write_as(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = self.directory.file_mode();
        let refused = |e| Error::io("make a new archive", e);
        let fd = openat(self.directory, name, flags, mode).map_err(refused)?;
        // Whatever the umask left of it.
        fchmod(&fd, mode).map_err(refused)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&fd, rest) {
                Ok(0) => return Err(Error::io("write the archive", Errno::IO)),
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(e) => return Err(Error::io("write the archive", e)),
            }
        }
        fsync(&fd).map_err(|e| Error::io("sync the archive", e))
    }

    /// Only what the archive that is in place has a tombstone for.
    fn unlink(&self, names: &[String]) -> Result<(), Error> {
        for name in names {
            self.lock.check()?;
            match unlinkat(self.directory, name, AtFlags::empty()) {
                // The next folder tries again: its tombstone stays for as long as the file does.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}
