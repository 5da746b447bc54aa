//! Descriptors, of which there are none.

#![expect(unsafe_code, reason = "functions that are unsafe where there are descriptors")]

use core::marker::PhantomData;

use super::never::Never;

/// An open file.
#[derive(Debug)]
pub(crate) struct OwnedFd(Never);

/// An open file of somebody else's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BorrowedFd<'a>(Never, PhantomData<&'a ()>);

impl BorrowedFd<'_> {
    /// Whatever is wanted: nobody has one to ask.
    pub(super) fn absurd<T>(self) -> T {
        self.0.absurd()
    }

    /// # Panics
    ///
    /// Always: no number is a descriptor's. Nobody has one to call it with.
    ///
    /// # Safety
    ///
    /// None.
    pub(crate) unsafe fn borrow_raw(_: i32) -> Self {
        unreachable!("there are no descriptors here")
    }
}

pub(crate) trait AsFd {
    fn as_fd(&self) -> BorrowedFd<'_>;
}

impl AsFd for OwnedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.absurd()
    }
}

impl AsFd for BorrowedFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        *self
    }
}

impl<T: AsFd + ?Sized> AsFd for &T {
    fn as_fd(&self) -> BorrowedFd<'_> {
        (**self).as_fd()
    }
}

pub(crate) trait AsRawFd {
    fn as_raw_fd(&self) -> i32;
}

impl<T: AsFd> AsRawFd for T {
    fn as_raw_fd(&self) -> i32 {
        self.as_fd().absurd()
    }
}

pub(crate) trait IntoRawFd {
    fn into_raw_fd(self) -> i32;
}

impl IntoRawFd for OwnedFd {
    fn into_raw_fd(self) -> i32 {
        self.0.absurd()
    }
}

pub(crate) trait FromRawFd: Sized {
    /// # Panics
    ///
    /// As [`BorrowedFd::borrow_raw`].
    ///
    /// # Safety
    ///
    /// None.
    unsafe fn from_raw_fd(_: i32) -> Self {
        unreachable!("there are no descriptors here")
    }
}

impl FromRawFd for OwnedFd {}

impl From<OwnedFd> for std::fs::File {
    fn from(file: OwnedFd) -> Self {
        file.0.absurd()
    }
}
