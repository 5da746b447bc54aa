//! Forks and signals, as every Unix has them.

#![expect(unsafe_code, reason = "a declaration of pthread_atfork")]

pub(crate) use libc::{SIG_SETMASK, pthread_sigmask, sigfillset, sigset_t};

// Not every version of the crate `libc` declares it for every Unix.
unsafe extern "C" {
    pub(crate) fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> core::ffi::c_int;
}
