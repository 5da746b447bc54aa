//! Creating the directory if it is missing.
//!
//! The owner of the directory above can replace what was just created with something else.
//! Therefore permissions are changed by descriptor, after the file behind that descriptor was
//! checked. A directory for a group gets its name only once it has its permissions, so that nobody
//! finds it with others.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use crate::fault;
use crate::kernel;
use crate::kernel::fd::{AsFd, OwnedFd};
use crate::kernel::fs::{
    AtFlags, CWD, Dir, Gid, Mode, OFlags, RenameFlags, fchmod, fchown, fstat, mkdirat, openat,
    renameat_with, unlinkat,
};
use crate::kernel::io::Errno;
use crate::kernel::rights;
use crate::model::instance::hex;
use crate::process::random;

/// Creates the directory, and missing ones above it, for this user alone or for a group. It is no
/// error if the directory exists by then.
pub(super) fn make(path: &Path, group: Option<u32>) -> io::Result<()> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    // 0700: a program's counts are private unless its operator decides otherwise. The members of a
    // group must be able to reach the directory.
    let allowed = if group.is_some() { 0o711 } else { 0o700 };
    let mut builder = std::fs::DirBuilder::new();
    rights::of_directory(builder.recursive(true), allowed).create(above)?;
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

fn make_for_group(above: impl AsFd, name: &OsStr, group: u32) -> kernel::io::Result<()> {
    let random = random().map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    let unfinished = format!(".headcount-{}", hex(&random));
    fault::call!("directory.make", mkdirat(&above, &*unfinished, Mode::RWXU))?;
    let made = open_as_made(&above, OsStr::new(&unfinished)).and_then(|fd| {
        fault::call!("directory.group", give_to_group(fd, group))?;
        let rename = || renameat_with(&above, &*unfinished, &above, name, RenameFlags::NOREPLACE);
        match fault::call!("directory.rename", rename()) {
            // The filesystem does not support this. For a moment others find the directory without
            // its group.
            Err(Errno::INVAL | Errno::NOSYS) => {
                mkdirat(&above, name, Mode::RWXU)?;
                give_to_group(open_as_made(&above, name)?, group)?;
                // Makes the caller remove the unfinished directory.
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

/// Opens a directory that was just created; returns an error if something else has the name by now.
fn open_as_made(above: impl AsFd, name: &OsStr) -> kernel::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let fd = openat(above, name, flags, Mode::empty())?;
    let stat = fstat(&fd)?;
    // It must be as it was created, and empty. Swapping it for another directory like that gains
    // nothing.
    let rights = Mode::from_raw_mode(stat.st_mode);
    let is_mine = stat.st_uid == kernel::process::geteuid().as_raw();
    let mut entries = Dir::read_from(&fd)?;
    let is_empty =
        entries.all(|entry| entry.is_ok_and(|e| matches!(e.file_name().to_bytes(), b"." | b"..")));
    let others = Mode::RWXG | Mode::RWXO | Mode::SUID;
    if is_mine && is_empty && !rights.intersects(others) { Ok(fd) } else { Err(Errno::STALE) }
}

fn give_to_group(directory: impl AsFd, group: u32) -> kernel::io::Result<()> {
    fchown(&directory, None, Some(Gid::from_raw(group)))?;
    // Set-group-ID: files get the directory's group, whoever creates them. Set after the group,
    // since changing the group clears the bit.
    fchmod(&directory, Mode::from_raw_mode(0o2770))
}
