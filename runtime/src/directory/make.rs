//! Making the directory where it is missing.
//!
//! Whoever owns the directory above can put something else in the place of what was just made. So
//! rights are changed by descriptor, of what was looked at by that descriptor, and a directory for
//! a group gets its name when it has its rights: nobody finds it with others.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, Gid, Mode, OFlags, RenameFlags, fchmod, fchown, fstat, mkdirat, openat,
    renameat_with, unlinkat,
};
use rustix::io::Errno;

use crate::fault;
use crate::process::random;
use crate::segment::create::hex;

/// Makes the directory, and those above it that are missing, for this user alone or for a group.
/// That it is there by now is fine.
pub(super) fn make(path: &Path, group: Option<u32>) -> io::Result<()> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    // 0700: what a program counts is nobody else's business unless its operator says so. A group's
    // members must find their way to the directory.
    let rights = if group.is_some() { 0o711 } else { 0o700 };
    std::fs::DirBuilder::new().recursive(true).mode(rights).create(above)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = openat(CWD, above, flags, Mode::empty())?;
    let made = match group {
        Some(group) => make_for_group(above.as_fd(), name, group),
        None => fault::call!("directory.make", mkdirat(&above, name, Mode::RWXU)),
    };
    match made {
        Err(Errno::EXIST) => Ok(()),
        made => Ok(made?),
    }
}

fn make_for_group(above: impl AsFd, name: &OsStr, group: u32) -> rustix::io::Result<()> {
    let random = random().map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    let unfinished = format!(".headcount-{}", hex(&random));
    fault::call!("directory.make", mkdirat(&above, &*unfinished, Mode::RWXU))?;
    let made = open_as_made(&above, OsStr::new(&unfinished)).and_then(|fd| {
        fault::call!("directory.group", give_to_group(fd, group))?;
        let rename = || renameat_with(&above, &*unfinished, &above, name, RenameFlags::NOREPLACE);
        match fault::call!("directory.rename", rename()) {
            // The filesystem can't. For a moment others find the directory without its group.
            Err(Errno::INVAL | Errno::NOSYS) => {
                mkdirat(&above, name, Mode::RWXU)?;
                give_to_group(open_as_made(&above, name)?, group)?;
                // The other one is to be removed.
                Err(Errno::EXIST)
            }
            renamed => renamed,
        }
    });
    if made.is_err() {
        let _ = unlinkat(&above, &*unfinished, AtFlags::REMOVEDIR);
    }
    made
}

/// Opens a directory that was made just now; an error if something else has the name by now.
fn open_as_made(above: impl AsFd, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let fd = openat(above, name, flags, Mode::empty())?;
    let stat = fstat(&fd)?;
    // As it was made, and empty. Who swaps it for another one like that has won nothing.
    let rights = Mode::from_raw_mode(stat.st_mode);
    let is_mine = stat.st_uid == rustix::process::geteuid().as_raw();
    let mut entries = Dir::read_from(&fd)?;
    let is_empty =
        entries.all(|entry| entry.is_ok_and(|e| matches!(e.file_name().to_bytes(), b"." | b"..")));
    let others = Mode::RWXG | Mode::RWXO | Mode::SUID;
    if is_mine && is_empty && !rights.intersects(others) { Ok(fd) } else { Err(Errno::STALE) }
}

fn give_to_group(directory: impl AsFd, group: u32) -> rustix::io::Result<()> {
    fchown(&directory, None, Some(Gid::from_raw(group)))?;
    // Set-group-id: files have the directory's group, whoever makes them. Behind the group, which
    // takes the bit away.
    fchmod(&directory, Mode::from_raw_mode(0o2770))
}
