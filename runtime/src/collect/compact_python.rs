//! Takes the files of dead Python processes into the archive, on request.
//!
//! Nothing in such a file says whether its process lives, and a new process with the same number
//! opens the file again and counts on. So a file is taken only if the kernel says that nobody has
//! it open for writing, and no process has its number. It is renamed first, so that nobody can open
//! it any more under its name, and asked about once more.
//!
//! ```text
//! for each file  nobody writes, no such process -> rename to NAME.folding -> the same once more
//! for all        read -> new archive, with their identities as tombstones -> the commit -> unlink
//! ```
//!
//! A collector reads a `.folding` file as long as the archive has no tombstone of it, so every file
//! counts once at every moment, whichever process is killed between two steps.

use std::collections::HashSet;

use crate::archive::{Compactor, holding_the_lock_of_any, read};
use crate::directory::{ASIDE, Directory};
use crate::error::{Error, ErrorKind};
use crate::kernel;
use crate::kernel::fs::{AtFlags, RenameFlags, renameat_with, unlinkat};
use crate::kernel::leases::has_writers;
use crate::kernel::process::{Pid, test_kill_process};
use crate::process::now_ns;
use crate::python::{Fit, Remains, process_of};
use crate::store;

use super::{Collector, Compacted};

/// How many files one generation of the archive takes in.
const AT_ONCE: usize = 4096;

impl Collector {
    /// Merges the files of dead Python processes into the archive, and removes those of their live
    /// gauges. No number changes, but for live gauges.
    ///
    /// Afterwards only headcount's collectors know these numbers: `prometheus_client`'s own
    /// collector no longer finds them.
    ///
    /// A file is taken only if its process is certainly gone: no process has the number in its
    /// name, and the kernel says that nobody has the file open for writing, in any container. Where
    /// a filesystem cannot say that, or the file is another user's, the file stays, and is reported
    /// in [`Compacted::skipped`]. Files of gauges in the modes `all` and `mostrecent` stay too, and
    /// so do files whose numbers the archive would show differently: buckets that differ, NaN in a
    /// gauge of mode `min` or `max`.
    ///
    /// [`Compacted::segments`] is the number of files that are gone.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`compact`](Self::compact).
    ///
    /// # Examples
    ///
    /// ```
    /// # let name = format!("headcount-compact-python-{}", std::process::id());
    /// # let directory = std::env::temp_dir().join(name);
    /// # std::fs::create_dir(&directory)?;
    /// let collector = headcount::Collector::from_directory(&directory);
    /// assert_eq!(collector.compact_python_files()?.segments(), 0);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact_python_files(&self) -> Result<Compacted, Error> {
        let mut done = Compacted { segments: 0, generation: 0, skipped: Vec::new() };
        let Some(directory) = self.open_directory()? else { return Ok(done) };
        if !directory.has_python() {
            return Ok(done);
        }
        holding_the_lock_of_any(&directory, store::FORKS, |compactor| {
            while take_some(compactor, &mut done)? {}
            Ok(())
        })?;
        Ok(done)
    }
}

impl Collector {
    /// Removes the live gauges of a Python process that is certainly gone. Returns the number of
    /// files.
    pub(super) fn remove_live_gauges(&self, pid: u32) -> Result<usize, Error> {
        let Some(directory) = self.open_directory()? else { return Ok(0) };
        let is_one = |name: &String| process_of(name) == Some((pid, Remains::Gone));
        let names: Vec<String> = directory.names()?.python.into_iter().filter(is_one).collect();
        if names.is_empty() {
            return Ok(0);
        }
        holding_the_lock_of_any(&directory, store::FORKS, |compactor| {
            let mut removed = 0;
            for name in &names {
                if set_aside(&directory, name)?.is_some() {
                    remove(compactor, &format!("{name}{ASIDE}"))?;
                    removed += 1;
                }
            }
            Ok(removed)
        })
    }
}

/// Takes some files in. `false`: there are no more.
fn take_some(compactor: &Compactor<'_>, done: &mut Compacted) -> Result<bool, Error> {
    let directory = compactor.directory;
    let names = directory.names()?;
    let archive = read(directory)?;
    done.generation = archive.generation;
    done.skipped.clear();
    // What an interrupted compaction has left: taken in already, or not yet.
    let mut aside = Vec::new();
    for name in names.python_aside {
        match directory.open_dated(&name)? {
            Some((_, Some(id))) if archive.has(&id.instance()) => remove(compactor, &name)?,
            Some((_, Some(_))) => aside.push(name),
            _ => {}
        }
    }
    // Of all files, since those of the living count on, beside the archive.
    let whole = Fit::of(directory, &names.python, &archive.families, now_ns())?;
    let unfit: HashSet<&String> = whole.unfit.iter().map(|(name, _)| name).collect();
    let is_gone = |name: &String| matches!(process_of(name), Some((_, Remains::Gone)));
    for name in names.python.iter().filter(|name| !unfit.contains(name) || is_gone(name)) {
        if aside.len() == AT_ONCE {
            break;
        }
        match set_aside(directory, name) {
            Ok(None) => {}
            Ok(Some(Remains::Gone)) => {
                remove(compactor, &format!("{name}{ASIDE}"))?;
                done.segments += 1;
            }
            Ok(Some(Remains::Kept)) => aside.push(format!("{name}{ASIDE}")),
            Err(e) => done.skipped.push(e.at(&directory.path().join(name))),
        }
    }
    if aside.is_empty() {
        let stays = |name: &String| matches!(process_of(name), Some((_, Remains::Kept)));
        let stay = whole.unfit.into_iter().filter(|(name, _)| stays(name));
        done.skipped.extend(stay.map(|(_, e)| e));
        return Ok(false);
    }
    // If it fails, they keep these names, under which they count, and are taken in first the next
    // time: it may have failed behind the commit.
    let (generation, number) = take(compactor, &aside)?;
    done.generation = generation;
    done.segments += number;
    Ok(true)
}

/// Takes these files in; returns the archive's generation, and their number.
fn take(compactor: &Compactor<'_>, aside: &[String]) -> Result<(u64, usize), Error> {
    let directory = compactor.directory;
    let archive = read(directory)?;
    let fit = Fit::of(directory, aside, &archive.families, now_ns())?;
    for (name, _) in &fit.unfit {
        // It has changed since it was looked at first.
        put_back(directory, name);
    }
    if let Some((_, e)) = fit.unfit.into_iter().next() {
        return Err(e);
    }
    let mut instances = Vec::with_capacity(aside.len());
    for name in aside {
        // Nobody removes such a file while this process has the lock.
        let id = directory.open_dated(name)?.and_then(|(_, id)| id);
        instances.push(id.ok_or_else(|| Error::new(ErrorKind::LockLost))?.instance());
    }
    let generation = compactor.take_in(&fit.families, &instances)?;
    for name in aside {
        // One that stays has a tombstone, and is removed the next time.
        let _ = remove(compactor, name);
    }
    Ok((generation, aside.len()))
}

/// Renames the file, if its process is certainly gone. `None`: it is not, or the file stays for
/// another reason.
fn set_aside(directory: &Directory, name: &str) -> Result<Option<Remains>, Error> {
    let Some((pid, remains)) = process_of(name) else { return Ok(None) };
    if !is_gone(directory, name, pid)? {
        return Ok(None);
    }
    let new = format!("{name}{ASIDE}");
    renameat_with(directory, name, directory, &new, RenameFlags::NOREPLACE)
        .map_err(|e| Error::io("rename the file", e))?;
    // Whoever has opened it in between has its number.
    match is_gone(directory, &new, pid) {
        Ok(true) => Ok(Some(remains)),
        gone => {
            put_back(directory, &new);
            gone.map(|_| None)
        }
    }
}

/// Whether nobody can count in this file any more.
fn is_gone(directory: &Directory, name: &str, pid: u32) -> Result<bool, Error> {
    let Some((file, id)) = directory.open_dated(name)? else { return Ok(false) };
    let is_running = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .is_none_or(|pid| test_kill_process(pid) != Err(kernel::io::Errno::SRCH));
    if is_running {
        return Ok(false);
    }
    let unknown = "it cannot be known whether its process has ended: it stays";
    match has_writers(&file) {
        Some(has_writers) if id.is_some() => Ok(!has_writers),
        _ => Err(Error::new(ErrorKind::Foreign { reason: unknown })),
    }
}

/// Gives the file its name back, unless a new process has made one of that name. Then it counts
/// under this one.
fn put_back(directory: &Directory, name: &str) {
    if let Some(old) = name.strip_suffix(ASIDE) {
        let _ = renameat_with(directory, name, directory, old, RenameFlags::NOREPLACE);
    }
}

fn remove(compactor: &Compactor<'_>, name: &str) -> Result<(), Error> {
    compactor.lock.check()?;
    unlinkat(compactor.directory, name, AtFlags::empty())
        .map_err(|e| Error::io("remove the file", e).at(&compactor.directory.path().join(name)))
}
