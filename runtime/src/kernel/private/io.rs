//! Errors, and what reads and writes files.

use super::fd::{AsFd, OwnedFd};

/// Why a call failed, by Linux's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(i32);

pub(crate) type Result<T> = core::result::Result<T, Errno>;

macro_rules! errors {
    ($($name:ident, $constant:ident = $number:literal;)*) => {
        #[allow(dead_code, reason = "some only with some features")]
        impl Errno {
            $(pub(crate) const $name: Self = Self($number);)*

            pub(crate) const fn raw_os_error(self) -> i32 {
                self.0
            }

            pub(crate) const fn from_raw_os_error(number: i32) -> Self {
                Self(number)
            }

            pub(crate) fn from_io_error(error: &std::io::Error) -> Option<Self> {
                error.raw_os_error().map(Self)
            }
        }

        /// The numbers as libc names them.
        #[allow(dead_code, reason = "some only with some features")]
        pub(crate) mod errno {
            $(pub(crate) const $constant: i32 = $number;)*
        }
    };
}

errors! {
    PERM, EPERM = 1;
    NOENT, ENOENT = 2;
    SRCH, ESRCH = 3;
    INTR, EINTR = 4;
    IO, EIO = 5;
    NXIO, ENXIO = 6;
    BADF, EBADF = 9;
    AGAIN, EAGAIN = 11;
    NOMEM, ENOMEM = 12;
    ACCESS, EACCES = 13;
    FAULT, EFAULT = 14;
    EXIST, EEXIST = 17;
    NOTDIR, ENOTDIR = 20;
    ISDIR, EISDIR = 21;
    INVAL, EINVAL = 22;
    NFILE, ENFILE = 23;
    MFILE, EMFILE = 24;
    FBIG, EFBIG = 27;
    NOSPC, ENOSPC = 28;
    ROFS, EROFS = 30;
    NOLCK, ENOLCK = 37;
    NOSYS, ENOSYS = 38;
    LOOP, ELOOP = 40;
    OVERFLOW, EOVERFLOW = 75;
    NOTSUP, ENOTSUP = 95;
    ADDRINUSE, EADDRINUSE = 98;
    STALE, ESTALE = 116;
    DQUOT, EDQUOT = 122;
}

#[allow(dead_code, reason = "other names of the same numbers")]
impl Errno {
    pub(crate) const OPNOTSUPP: Self = Self::NOTSUP;
    pub(crate) const WOULDBLOCK: Self = Self::AGAIN;
}

/// By its kind: the number would mean something else to another system.
impl From<Errno> for std::io::Error {
    fn from(error: Errno) -> Self {
        use std::io::ErrorKind;

        let kind = match error {
            Errno::NOSYS | Errno::NOTSUP => ErrorKind::Unsupported,
            Errno::NOMEM => ErrorKind::OutOfMemory,
            Errno::NOSPC => ErrorKind::StorageFull,
            Errno::INTR => ErrorKind::Interrupted,
            Errno::NOENT => ErrorKind::NotFound,
            Errno::INVAL => ErrorKind::InvalidInput,
            _ => ErrorKind::Other,
        };
        Self::from(kind)
    }
}

pub(crate) fn fcntl_dupfd_cloexec(file: impl AsFd, _: i32) -> Result<OwnedFd> {
    file.as_fd().absurd()
}

pub(crate) fn pread(file: impl AsFd, _: &mut [u8], _: u64) -> Result<usize> {
    file.as_fd().absurd()
}

pub(crate) fn pwrite(file: impl AsFd, _: &[u8], _: u64) -> Result<usize> {
    file.as_fd().absurd()
}
