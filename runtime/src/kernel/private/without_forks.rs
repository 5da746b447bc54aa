//! No process forks, and no handler interrupts a thread.

#![expect(unsafe_code, reason = "functions that are unsafe where there are forks")]

#[allow(non_camel_case_types, reason = "as libc names it")]
#[derive(Clone, Copy)]
pub(crate) struct sigset_t;

pub(crate) const SIG_SETMASK: i32 = 0;

type Handler = unsafe extern "C" fn();

/// # Safety
///
/// None: no process forks.
pub(crate) unsafe fn pthread_atfork(
    _: Option<Handler>,
    _: Option<Handler>,
    _: Option<Handler>,
) -> i32 {
    0
}

/// # Safety
///
/// None: nobody is signalled. It fails, so that nothing is undone later.
pub(crate) unsafe fn sigfillset(_: *mut sigset_t) -> i32 {
    -1
}

/// # Safety
///
/// As above.
pub(crate) unsafe fn pthread_sigmask(_: i32, _: *const sigset_t, _: *mut sigset_t) -> i32 {
    -1
}
