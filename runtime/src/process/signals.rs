//! No signal handler runs while the mutex is held.
//!
//! A handler may record, and it may fork. In the middle of making a segment, a child that stays in the handler would keep what the parent
//! had not yet written down: a mapping, and with it the parent's lock. Signals arrive when system calls return, which is exactly there.
//! Two system calls more for an operation that is rare and makes several.
#![expect(unsafe_code, reason = "pthread_sigmask")]

use core::mem::MaybeUninit;

#[cfg(not(miri))]
use libc::{pthread_sigmask, sigfillset};

#[cfg(miri)]
use crate::no_kernel::{pthread_sigmask, sigfillset};

/// All signals of this thread wait until this is dropped; those that the kernel sends for a fault don't.
pub(crate) struct Blocked {
    before: Option<libc::sigset_t>,
}

impl Blocked {
    pub(crate) fn all() -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: writes a whole `sigset_t` through the pointer.
        let filled = unsafe { sigfillset(all.as_mut_ptr()) } == 0;
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: reads one `sigset_t`, which `sigfillset` has written, and writes another.
        let set =
            unsafe { pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) } == 0;
        // SAFETY: a call that succeeded has written it.
        Self { before: (filled && set).then(|| unsafe { before.assume_init() }) }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // SAFETY: reads one `sigset_t`; where the old set would go may be null.
            unsafe { pthread_sigmask(libc::SIG_SETMASK, before, core::ptr::null_mut()) };
        }
    }
}
