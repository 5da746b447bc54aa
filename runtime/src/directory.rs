//! The directory that contains the segments of one program, and the rules that make a directory fit
//! for that.
//!
//! The writer and the collector both use it.

mod kept;
mod make;
pub(crate) mod touch;

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::kernel;
use crate::kernel::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::kernel::fs::{AtFlags, FileType, Mode, OFlags, Stat, StatxFlags, fstat, open, statx};
use crate::kernel::io::Errno;
use crate::model::instance::{InstanceId, hex};
use crate::process;

pub(crate) use kept::{Found, KnownDirectory};

/// The end of a segment's name.
pub(crate) const SUFFIX: &str = ".hc";

/// The end of the name of a file of Python's `prometheus_client`.
pub(crate) const PYTHON: &str = ".db";

/// What is added to its name while a compaction takes it in, so that nobody opens it any more.
pub(crate) const ASIDE: &str = ".folding";
const PYTHON_ASIDE: &str = ".db.folding";

/// The one file into which dead segments are compacted.
pub(crate) const ARCHIVE: &str = "archive.hca";
/// The beginning of an archive's name until it is complete. A random number follows.
pub(crate) const UNFINISHED: &str = ".archive-";
/// The beginning of a segment's name until it is complete, on filesystems without unnamed files.
pub(crate) const TEMPORARY: &str = ".tmp-";
/// The file whose lock compactors take.
pub(crate) const COMPACTION_LOCK: &str = ".compact.lock";
/// The suffix that is added to a damaged segment's name, so that nobody reads it again.
pub(crate) const SET_ASIDE: &str = ".bad";

/// The name that a process gives its segment. Copies have others.
pub(crate) fn segment_name(pid: u32, instance: &InstanceId) -> String {
    format!("{pid}-{}{SUFFIX}", hex(instance))
}

/// An open directory that was found fit.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
    owner: u32,
    /// The effective user of this process.
    me: u32,
    /// The group whose members may write to the directory, if there is one.
    group: Option<u32>,
    is_open_to_all: bool,
    /// The user and the group that stand for unknown ones, if it is open to all.
    unknown: Option<(u32, u32)>,
}

/// The path without slashes and dots at its end: with them, `open` would follow a link.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

impl Directory {
    /// Opens it for reading. It may belong to any user: those who may write there can falsify only
    /// the numbers that are read there.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::open_checked(path).map_err(|e| e.at(path))
    }

    /// Opens it for writing. If it is missing, creates it for this user alone, or for a group. An
    /// existing one must belong to this user or to root.
    pub(crate) fn open_or_create(path: &Path, group: Option<u32>) -> Result<Self, Error> {
        let opened = match Self::open_checked(path) {
            Err(e) if e.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => {
                make::make(&plain(path), group)
                    .map_err(|e| Error::io("make the directory", e).at(path))?;
                Self::open_checked(path)
            }
            opened => opened,
        };
        let directory = opened.map_err(|e| e.at(path))?;
        let me = kernel::process::geteuid().as_raw();
        if directory.owner != me && directory.owner != 0 {
            return Err(Error::directory("the directory belongs to another user").at(path));
        }
        Ok(directory)
    }

    /// Whether the members of this group may create and remove files here.
    pub(crate) fn is_open_to(&self, group: u32) -> bool {
        self.is_open_to_all || self.group == Some(group)
    }

    /// The permissions of files here: the group that may write to the directory can read them.
    pub(crate) fn file_mode(&self) -> Mode {
        let own = Mode::RUSR | Mode::WUSR;
        if self.group.is_some() { own | Mode::RGRP } else { own }
    }

    /// The permissions of a file that is locked by every user who may write to the directory.
    pub(crate) fn lock_mode(&self) -> Mode {
        let own = Mode::RUSR | Mode::WUSR;
        if self.group.is_some() { own | Mode::RGRP | Mode::WGRP } else { own }
    }

    fn open_checked(path: &Path) -> Result<Self, Error> {
        if !kernel::SHARES {
            return Err(Error::unsupported("share counts in a directory"));
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let fd = open(plain(path), flags, Mode::empty()).map_err(|e| match e {
            Errno::NOTDIR | Errno::LOOP => Error::directory("not a directory"),
            e => Error::io("open the directory", e),
        })?;
        Self::checked(fd, path)
    }

    /// Checks a directory that is open already.
    fn checked(fd: OwnedFd, path: &Path) -> Result<Self, Error> {
        let stat = fstat(&fd).map_err(|e| Error::io("stat the directory", e))?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        let is_open_to_all = mode.contains(Mode::WOTH);
        if is_open_to_all && !mode.contains(Mode::SVTX) {
            return Err(Error::directory(
                "everyone may write to the directory, and it isn't sticky",
            ));
        }
        let group = mode.contains(Mode::WGRP).then_some(stat.st_gid);
        let me = kernel::process::geteuid().as_raw();
        let unknown = is_open_to_all.then(process::unknown_ids);
        let owner = stat.st_uid;
        Ok(Self { fd, path: path.to_owned(), owner, me, group, is_open_to_all, unknown })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lists the names in the directory that headcount uses.
    pub(crate) fn names(&self) -> Result<Names, Error> {
        let failed = |e| Error::io("list the directory", e).at(&self.path);
        let mut names = Names::default();
        for entry in kernel::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name.starts_with(UNFINISHED) {
                names.unfinished.push(name.to_owned());
            } else if name.starts_with(TEMPORARY) {
                names.temporary.push(name.to_owned());
            } else if name.ends_with(SET_ASIDE) && !name.starts_with('.') {
                names.set_aside.push(name.to_owned());
            } else if name.ends_with(SUFFIX) && !name.starts_with('.') {
                names.segments.push(name.to_owned());
            } else if name.ends_with(PYTHON) && !name.starts_with('.') {
                names.python.push(name.to_owned());
            } else if name.ends_with(PYTHON_ASIDE) && !name.starts_with('.') {
                names.python_aside.push(name.to_owned());
            }
        }
        names.segments.sort_unstable();
        names.python.sort_unstable();
        names.python.dedup();
        names.python_aside.sort_unstable();
        names.python_aside.dedup();
        // A listing takes several system calls. If one of them ends at an archive that is replaced
        // before the next, tmpfs lists names again that it has listed already (seen). A name that
        // is listed twice is not a copy.
        names.segments.dedup();
        Ok(names)
    }

    /// Whether the directory contains a file that headcount creates, judged by the names. A
    /// directory that cannot be listed may contain one.
    pub(crate) fn has_ours(&self) -> bool {
        let is_there = |name: &str| {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            kernel::fs::statat(&self.fd, name, flags).is_ok()
        };
        [ARCHIVE, COMPACTION_LOCK, "processes.hcl"].into_iter().any(is_there)
            || self.names().map_or(true, |names| {
                !names.segments.is_empty()
                    || names.set_aside.iter().any(|name| name.ends_with(".hc.bad"))
            })
    }

    /// Whether the directory contains a file of Python's, judged by the names. A directory that
    /// cannot be listed may contain one.
    pub(crate) fn has_python(&self) -> bool {
        self.names()
            .map_or(true, |names| !names.python.is_empty() || !names.python_aside.is_empty())
    }

    /// Whether this process can create and remove files here, and should: it runs as the
    /// directory's owner, as root, or for the directory's group.
    pub(crate) fn is_writable(&self) -> bool {
        let me = kernel::process::geteuid().as_raw();
        let flags = AtFlags::EACCESS;
        (me == self.owner || me == 0 || self.group.is_some())
            && kernel::fs::accessat(&self.fd, ".", kernel::fs::Access::WRITE_OK, flags).is_ok()
    }

    /// Whether there may be too little space here for the segment of a small program, or too few
    /// files left to compact.
    pub(crate) fn is_nearly_full(&self) -> bool {
        is_nearly_full(self.fd.as_fd())
    }

    /// Gives a file that root created here to the directory's owner, if that is another user. An
    /// owner who cannot read the archive would see lower numbers, and one who cannot open the lock
    /// could no longer compact.
    pub(crate) fn give_to_owner(&self, file: impl AsFd) -> Result<(), Error> {
        if self.owner == 0 || !kernel::process::geteuid().is_root() {
            return Ok(());
        }
        let owner = kernel::process::Uid::from_raw(self.owner);
        kernel::fs::fchown(file, Some(owner), None)
            .map_err(|e| Error::io("give the file to the directory's owner", e))
    }

    /// Whether no other machine can write here. If so, the lock alone determines which processes
    /// are alive.
    pub(crate) fn is_local(&self) -> bool {
        const LOCAL: [u64; 8] = [
            0x0102_1994, // tmpfs
            0x8584_58f6, // ramfs
            0xef53,      // ext2, ext3, ext4
            0x5846_5342, // xfs
            0x9123_683e, // btrfs
            0x794c_7630, // overlayfs
            0xf2f5_2010, // f2fs
            0x2fc1_2fc1, // zfs
        ];
        #[allow(
            clippy::cast_sign_loss,
            clippy::useless_conversion,
            reason = "signed on some targets"
        )]
        kernel::fs::fstatfs(&self.fd).is_ok_and(|stat| LOCAL.contains(&(stat.f_type as u64)))
    }

    /// Opens a file for reading, without following links and without waiting for the other end of a
    /// pipe.
    ///
    /// `Ok(None)`: the file is gone, as files of ended processes may be.
    pub(crate) fn open_file(&self, name: &str) -> Result<Option<OwnedFd>, Error> {
        Ok(self.open_with_stat(name)?.map(|(fd, _)| fd))
    }

    /// The same, with the file's length, times and blocks.
    pub(crate) fn open_with_stat(&self, name: &str) -> Result<Option<(OwnedFd, Stat)>, Error> {
        Ok(self.open_linked(name)?.filter(|(_, stat)| stat.st_nlink > 0))
    }

    /// The same for a file that is replaced by renaming: the file that had the name when it was
    /// opened is complete, even if it loses the name a moment later. `Ok(None)`: there is no such
    /// file.
    pub(crate) fn open_replaceable(&self, name: &str) -> Result<Option<OwnedFd>, Error> {
        Ok(self.open_linked(name)?.map(|(fd, _)| fd))
    }

    /// The same as [`open_file`](Self::open_file), with what identifies the file as long as it
    /// exists, if its filesystem knows when files were created.
    pub(crate) fn open_dated(
        &self,
        name: &str,
    ) -> Result<Option<(OwnedFd, Option<FileId>)>, Error> {
        let Some((fd, _)) = self.open_with_stat(name)? else { return Ok(None) };
        let wanted = StatxFlags::INO | StatxFlags::BTIME;
        let known = statx(&fd, "", AtFlags::EMPTY_PATH, wanted).ok();
        let known = known.filter(|stat| wanted.bits() & !stat.stx_mask == 0);
        let id = known.map(|stat| FileId {
            device: (stat.stx_dev_major, stat.stx_dev_minor),
            inode: stat.stx_ino,
            born: (stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec),
        });
        Ok(Some((fd, id)))
    }

    /// Opens the file, which may have lost its name.
    fn open_linked(&self, name: &str) -> Result<Option<(OwnedFd, Stat)>, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // In a directory like `/tmp` a stranger may have planted tens of thousands of files. To
        // look at a name costs a fraction of opening the file.
        if self.is_open_to_all {
            match kernel::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => self.check_owner(&stat)?,
                Err(Errno::NOENT) => return Ok(None),
                Err(e) => return Err(Error::io("stat the file", e)),
            }
        }
        let fd = match kernel::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(foreign("a symbolic link")),
            Err(Errno::NXIO) => return Err(foreign("a socket or a device")),
            // Without `NONBLOCK` this would wait until the holder gives the lease up, up to 45
            // seconds.
            Err(Errno::AGAIN) => return Err(foreign("another process has a lease on it")),
            Err(e) => return Err(Error::io("open the file", e)),
        };
        let stat = fstat(&fd).map_err(|e| Error::io("stat the file", e))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(foreign("not a regular file"));
        }
        if stat.st_nlink > 1 {
            return Err(foreign("it has a second name (a hard link)"));
        }
        self.check_owner(&stat)?;
        Ok(Some((fd, stat)))
    }

    /// Checks that a file belongs to a user who may write to the directory for good reason.
    pub(crate) fn check_owner(&self, stat: &Stat) -> Result<(), Error> {
        // In a user namespace all whom it does not know have the same two numbers. Where everyone
        // may create files, they say nothing.
        let (nobody, no_group) = self.unknown.unzip();
        let is_of_group = self.group == Some(stat.st_gid) && no_group != Some(stat.st_gid);
        let is_of_owner = self.owner == stat.st_uid && nobody != Some(stat.st_uid);
        if is_of_owner || is_of_group || stat.st_uid == self.me || stat.st_uid == 0 {
            Ok(())
        } else {
            Err(foreign("it belongs to a user whose files are not used here"))
        }
    }
}

/// The file's length.
pub(crate) fn length(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// The bytes that the file takes on disk, without holes.
pub(crate) fn on_disk(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).map_or(u64::MAX, |blocks| blocks.saturating_mul(512))
}

fn foreign(reason: &'static str) -> Error {
    Error::new(crate::error::ErrorKind::Foreign { reason })
}

fn is_nearly_full(directory: BorrowedFd<'_>) -> bool {
    const SMALL: u64 = 64 << 10;
    // A compaction needs two, and each process that starts meanwhile needs one.
    const FEW_FILES: u64 = 16;
    // A filesystem without a size has no limit. If `statvfs` fails, only an attempt can tell.
    kernel::fs::fstatvfs(directory).is_ok_and(|stat| {
        (stat.f_blocks > 0 && stat.f_bavail.saturating_mul(stat.f_frsize) < SMALL)
            || (stat.f_files > 0 && stat.f_favail < FEW_FILES)
    })
}

/// What no other file has, not even one that gets the inode later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    device: (u32, u32),
    inode: u64,
    born: (i64, u32),
}

impl FileId {
    /// The file's identity in the archive.
    pub(crate) fn instance(self) -> InstanceId {
        let (seconds, nanos) = self.born;
        let born = u64::try_from(seconds).unwrap_or(0).wrapping_mul(1_000_000_000);
        let born = born.wrapping_add(nanos.into());
        let device = u128::from(self.device.0) << 32 | u128::from(self.device.1);
        ((u128::from(self.inode) << 64 | u128::from(born)) ^ device.rotate_left(80)).to_be_bytes()
    }
}

/// The names in a directory, sorted by the kind of file.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) segments: Vec<String>,
    /// Of Python's `prometheus_client`.
    pub(crate) python: Vec<String>,
    /// Of these, those that a compaction takes in.
    pub(crate) python_aside: Vec<String>,
    pub(crate) set_aside: Vec<String>,
    pub(crate) unfinished: Vec<String>,
    pub(crate) temporary: Vec<String>,
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
