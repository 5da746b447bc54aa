//! Which segments a directory has, and what compaction does with files that it can't read.

use crate::directory::{ARCHIVE, Names, SET_ASIDE, SUFFIX, length};
use crate::error::{Error, ErrorKind};
use crate::fault;
use crate::kernel::fd::OwnedFd;
use crate::kernel::fs::{AtFlags, Mode, OFlags, RenameFlags, openat, renameat_with, unlinkat};
use crate::kernel::lock as locks;
use crate::merge::archived::Archive;
use crate::model::instance::{Age, InstanceId};
use crate::model::sorted::{SortedMap, SortedSet};
use crate::reader::liveness::{Here, Life};
use crate::reader::segment::read_header;
use crate::reader::source::Source;
use crate::reader::times::TimeBase;
use crate::replace::Original;
use crate::segment::format::Header;

use super::compactor::Compactor;
use super::file::read;

/// The segments of a directory.
#[derive(Default)]
pub(crate) struct Listing {
    /// The instances of all files.
    pub(super) instances: SortedSet<InstanceId>,
    /// The segments that no process can write to any more; for each instance its file, and copies
    /// of it.
    pub(crate) dead: SortedMap<InstanceId, Vec<Listed>>,
    /// The age and the time base of each segment.
    pub(super) bases: Vec<(Age, TimeBase)>,
}

/// A file of a segment, with its header.
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(super) header: Header,
    life: Life,
}

/// A segment's file.
pub(super) struct Opened {
    pub(super) source: Source,
    pub(super) header: Header,
    pub(super) life: Life,
}

impl<'a> Compactor<'a> {
    /// Reads the archive, lists the segments, and gets the right to replace this very archive. Sets
    /// damaged segments aside, and removes what is left of interrupted compactions, if `writes` is
    /// set.
    pub(crate) fn list(
        &self,
        here: &Here,
        writes: bool,
        skipped: &mut Vec<Error>,
    ) -> Result<(Archive, Listing, Original<'a>), Error> {
        let at_archive = |e: Error| e.at(&self.directory.path().join(ARCHIVE));
        // Held before the archive is read: see `replace`.
        let original = Original::hold(self.directory, ARCHIVE, self.forks).map_err(at_archive)?;
        let original = original.ok_or_else(|| Error::new(ErrorKind::Busy))?;
        let names = self.directory.names()?;
        if writes {
            self.tidy(&names)?;
        }
        // An archive that is damaged, or newer than this program, is never replaced.
        let old = read(self.directory).map_err(at_archive)?;
        original.check()?;
        let mut listing = Listing::default();
        let mut unread = SortedSet::new();
        for name in &names.python_aside {
            // It may be in the archive; its tombstone stays as long as it does.
            if let Ok(Some((_, Some(id)))) = self.directory.open_dated(name) {
                listing.instances.insert(id.instance());
            }
        }
        for name in names.segments {
            match self.open(&name, here) {
                Ok(Some(Opened { header, life, .. })) => {
                    listing.instances.insert(header.instance);
                    let age = (header.created_ns, header.instance);
                    listing.bases.push((age, TimeBase::of(&header)));
                    let files = listing.dead.or_default(header.instance);
                    files.push(Listed { name, header, life });
                }
                Ok(None) => {}
                Err(e) => {
                    // This file may belong to a segment that is archived, and may become readable
                    // again. Its tombstone must not expire until then.
                    listing.instances.extend(instance_in(&name));
                    unread.extend(instance_in(&name));
                    if writes {
                        self.set_aside(&name, e, here, skipped);
                    } else {
                        skipped.push(e.at(&self.directory.path().join(&name)));
                    }
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

    pub(super) fn open(&self, name: &str, here: &Here) -> Result<Option<Opened>, Error> {
        let Some((fd, stat)) = self.directory.open_with_stat(name)? else { return Ok(None) };
        let source = Source::File(fd);
        let header = read_header(&source, length(&stat))?;
        let Source::File(fd) = &source else { return Ok(None) };
        let life = here.of(&header, fd);
        Ok(Some(Opened { source, header, life }))
    }

    /// Removes the damaged segments that were set aside, and what has a segment's name and is none;
    /// returns their names. If `writes` is not set, it only returns them, and these `damaged` ones,
    /// which a compaction would have set aside.
    pub(crate) fn remove_unreadable(
        &self,
        damaged: Vec<String>,
        writes: bool,
    ) -> Result<Vec<String>, Error> {
        let mut removed = Vec::new();
        let names = self.directory.names()?;
        let here = Here::in_directory(self.directory);
        let is_none = |name: &String| self.open(name, &here).is_err_and(|e| e.is_corrupt());
        let segments = names.segments.into_iter().filter(is_none);
        for name in names.set_aside.into_iter().chain(segments).chain(damaged) {
            let Ok(Some(fd)) = self.directory.open_file(&name) else { continue };
            // A user may have given a living process's segment such a name.
            if !matches!(locks::is_held(&fd), Ok(false)) {
                continue;
            }
            if !writes {
                removed.push(name);
                continue;
            }
            self.lock.check()?;
            fault::call!("clean.remove", unlinkat(self.directory, &name, AtFlags::empty()))
                .map_err(|e| {
                    Error::io("remove the file", e).at(&self.directory.path().join(&name))
                })?;
            removed.push(name);
        }
        Ok(removed)
    }

    /// Renames a damaged segment of a dead process, so that it is not read each time. It is never
    /// removed.
    pub(super) fn set_aside(
        &self,
        name: &str,
        error: Error,
        here: &Here,
        skipped: &mut Vec<Error>,
    ) {
        let is_ours = error.is_damaged() && self.lock.check().is_ok();
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
            // It may be a starting process's, which has not locked it yet. That process finds it
            // locked or without a name, and makes another one.
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
}

/// The instance that a file's name contains.
fn instance_in(name: &str) -> Option<InstanceId> {
    let (_, digits) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let number = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(number.to_be_bytes())
}
