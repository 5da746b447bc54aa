//! Files, of which none can be opened.

use core::ffi::CStr;

use super::fd::{AsFd, OwnedFd};
use super::flags::flags;
use super::io::{Errno, Result};

pub(crate) mod inotify;

flags! {
    AtFlags { SYMLINK_NOFOLLOW = 1, SYMLINK_FOLLOW = 2, EMPTY_PATH = 4, EACCESS = 8, REMOVEDIR = 16 }
    OFlags {
        RDONLY = 0, WRONLY = 1, RDWR = 2, CREATE = 4, EXCL = 8, NOFOLLOW = 16, NONBLOCK = 32,
        CLOEXEC = 64, DIRECTORY = 128, NOCTTY = 256, PATH = 512, TMPFILE = 1024,
    }
    Access { WRITE_OK = 2 }
    IFlags { COMPRESSED = 1, NOCOW = 2 }
    RenameFlags { NOREPLACE = 1 }
    FallocateFlags { KEEP_SIZE = 1, PUNCH_HOLE = 2 }
    MemfdFlags { CLOEXEC = 1 }
    StatxFlags { INO = 1, BTIME = 2 }
    Mode {
        RUSR = 0o400, WUSR = 0o200, RWXU = 0o700, RGRP = 0o40, WGRP = 0o20, RWXG = 0o70,
        ROTH = 0o4, WOTH = 0o2, RWXO = 0o7, SUID = 0o4000, SVTX = 0o1000,
    }
}

impl Mode {
    pub(crate) const fn from_raw_mode(_: u32) -> Self {
        Self::empty()
    }
}

/// What is known of a file.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "some only with some features")]
pub(crate) struct Stat {
    pub(crate) st_dev: u64,
    pub(crate) st_ino: u64,
    pub(crate) st_mode: u32,
    pub(crate) st_nlink: u64,
    pub(crate) st_uid: u32,
    pub(crate) st_gid: u32,
    pub(crate) st_size: i64,
    pub(crate) st_blocks: i64,
    pub(crate) st_mtime: i64,
    pub(crate) st_mtime_nsec: i64,
    pub(crate) st_ctime: i64,
    pub(crate) st_ctime_nsec: i64,
}

pub(crate) struct StatFs {
    pub(crate) f_type: i64,
}

pub(crate) struct StatVfs {
    pub(crate) f_blocks: u64,
    pub(crate) f_bavail: u64,
    pub(crate) f_files: u64,
    pub(crate) f_favail: u64,
    pub(crate) f_frsize: u64,
}

pub(crate) struct Statx {
    pub(crate) stx_mask: u32,
    pub(crate) stx_dev_major: u32,
    pub(crate) stx_dev_minor: u32,
    pub(crate) stx_ino: u64,
    pub(crate) stx_btime: StatxTime,
}

pub(crate) struct StatxTime {
    pub(crate) tv_sec: i64,
    pub(crate) tv_nsec: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileType {
    RegularFile,
    Other,
}

impl FileType {
    pub(crate) fn from_raw_mode(_: u32) -> Self {
        Self::Other
    }
}

#[allow(dead_code, reason = "some only with some features")]
pub(crate) enum FlockOperation {
    NonBlockingLockExclusive,
    Unlock,
}

pub(crate) enum SeekFrom {
    Data(#[allow(dead_code, reason = "nothing is there to seek in")] u64),
}

#[derive(Clone, Copy)]
pub(crate) struct Timespec {
    pub(crate) tv_sec: i64,
    pub(crate) tv_nsec: i64,
}

pub(crate) const UTIME_NOW: i64 = 0;

#[allow(dead_code, reason = "nothing is there to have times")]
pub(crate) struct Timestamps {
    pub(crate) last_access: Timespec,
    pub(crate) last_modification: Timespec,
}

#[derive(Clone, Copy)]
pub(crate) struct Uid;
#[derive(Clone, Copy)]
pub(crate) struct Gid;

impl Gid {
    pub(crate) fn from_raw(_: u32) -> Self {
        Self
    }
}

/// The working directory, which no path leads to.
#[derive(Clone, Copy)]
pub(crate) struct Cwd;
pub(crate) const CWD: Cwd = Cwd;

/// A directory, or the working directory.
pub(crate) trait From {}
impl From for Cwd {}
impl<T: AsFd> From for T {}

/// The entries of a directory.
pub(crate) struct Dir(OwnedFd);
pub(crate) struct DirEntry(OwnedFd);

impl Dir {
    pub(crate) fn read_from(directory: impl AsFd) -> Result<Self> {
        directory.as_fd().absurd()
    }
}

impl Iterator for Dir {
    type Item = Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.as_fd().absurd()
    }
}

impl DirEntry {
    pub(crate) fn file_name(&self) -> &CStr {
        self.0.as_fd().absurd()
    }
}

// What would make a descriptor, or look at a path, fails.

pub(crate) fn open<P>(_: P, _: OFlags, _: Mode) -> Result<OwnedFd> {
    Err(Errno::NOSYS)
}

pub(crate) fn openat<P>(_: impl From, _: P, _: OFlags, _: Mode) -> Result<OwnedFd> {
    Err(Errno::NOSYS)
}

pub(crate) fn memfd_create(_: &str, _: MemfdFlags) -> Result<OwnedFd> {
    Err(Errno::NOSYS)
}

pub(crate) fn stat(_: &str) -> Result<Stat> {
    Err(Errno::NOSYS)
}

/// Calls that take a descriptor, so that nobody can call them.
macro_rules! by_descriptor {
    ($($name:ident $(<$($generic:ident),+>)? ($($argument:ty),*) -> $result:ty;)*) => {$(
        pub(crate) fn $name $(<$($generic),+>)? (file: impl AsFd, $(_: $argument),*)
            -> Result<$result>
        {
            file.as_fd().absurd()
        }
    )*};
}

by_descriptor! {
    accessat<P>(P, Access, AtFlags) -> ();
    fallocate(FallocateFlags, u64, u64) -> ();
    fchmod(Mode) -> ();
    fchown(Option<Uid>, Option<Gid>) -> ();
    flock(FlockOperation) -> ();
    fstat() -> Stat;
    fstatfs() -> StatFs;
    fstatvfs() -> StatVfs;
    fsync() -> ();
    ftruncate(u64) -> ();
    futimens(&Timestamps) -> ();
    ioctl_getflags() -> IFlags;
    ioctl_setflags(IFlags) -> ();
    mkdirat<P>(P, Mode) -> ();
    seek(SeekFrom) -> u64;
    statat<P>(P, AtFlags) -> Stat;
    statx<P>(P, AtFlags, StatxFlags) -> Statx;
    unlinkat<P>(P, AtFlags) -> ();
    utimensat<P>(P, &Timestamps, AtFlags) -> ();
}
#[cfg(feature = "process")]
by_descriptor! {
    fcntl_lock(FlockOperation) -> ();
}

pub(crate) fn renameat<P, Q>(from: impl AsFd, _: P, _: impl AsFd, _: Q) -> Result<()> {
    from.as_fd().absurd()
}

pub(crate) fn renameat_with<P, Q>(
    from: impl AsFd,
    _: P,
    _: impl AsFd,
    _: Q,
    _: RenameFlags,
) -> Result<()> {
    from.as_fd().absurd()
}

pub(crate) fn linkat<P, Q>(_: impl From, _: P, to: impl AsFd, _: Q, _: AtFlags) -> Result<()> {
    to.as_fd().absurd()
}
