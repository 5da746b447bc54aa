//! Blocks signals while the store's mutex is held.
//!
//! A handler may record, and it may fork. If it forked while a segment was being made, a child that
//! stays in the handler would keep resources which the parent had not recorded yet: a mapping, and
//! with it the parent's lock. Signals are delivered when system calls return, which is exactly
//! there. The cost is two more system calls, in an operation that is rare and makes several.
#![expect(unsafe_code, reason = "pthread_sigmask")]

use core::mem::MaybeUninit;

use crate::kernel::{SIG_SETMASK, pthread_sigmask, sigfillset, sigset_t};

/// Blocks all signals of this thread until it is dropped, except those that the kernel sends for a
/// fault.
pub(crate) struct Blocked {
    before: Option<sigset_t>,
}

impl Blocked {
    pub(crate) fn all() -> Self {
        let mut all = MaybeUninit::<sigset_t>::uninit();
        // SAFETY: writes a whole `sigset_t` through the pointer.
        let filled = unsafe { sigfillset(all.as_mut_ptr()) } == 0;
        let mut before = MaybeUninit::<sigset_t>::uninit();
        // SAFETY: reads one `sigset_t`, which `sigfillset` has written, and writes another.
        let set = unsafe { pthread_sigmask(SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) } == 0;
        // SAFETY: a call that succeeded has written it.
        Self { before: (filled && set).then(|| unsafe { before.assume_init() }) }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // SAFETY: reads one `sigset_t`; where the old set would go may be null.
            unsafe { pthread_sigmask(SIG_SETMASK, before, core::ptr::null_mut()) };
        }
    }
}
