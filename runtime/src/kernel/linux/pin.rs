//! Keeps the library that contains this code loaded.
//!
//! A shared library can be unloaded (`dlclose`) while our threads, fork handlers and thread-local
//! destructors are still registered: the next of them to run would jump into memory that is no
//! longer mapped. And when the library was loaded again, it would start from scratch with another
//! segment, which takes another 4 GiB of addresses and another descriptor, and counts as one more
//! living process until this one ends. So the library is marked as permanent before anything of it
//! is registered: `dlclose` succeeds and unloads nothing, and loading it again finds the same
//! statics.
#![cfg_attr(
    not(any(target_env = "musl", target_feature = "crt-static")),
    expect(unsafe_code, reason = "dladdr and dlopen")
)]

// Nothing to do under musl, whose `dlclose` never unloads, nor in a static program, which has no
// libraries. With a static glibc, `dlopen` would also cause a linker warning.
#[cfg(any(target_env = "musl", target_feature = "crt-static"))]
pub(crate) fn pin() {}

/// Marks the library that contains this function, so that it is never unloaded. Does nothing in the
/// program itself.
///
/// It takes the loader's lock, which a thread that runs a constructor holds. That lock is
/// recursive. The caller must hold no lock of ours, because a constructor in another thread may be
/// waiting for that. If the loader doesn't know the library (it was mapped by other means), it
/// can't be `dlclose`d either.
#[cfg(not(any(target_env = "musl", target_feature = "crt-static")))]
pub(crate) fn pin() {
    let here: fn() = pin;
    let Some(library) = object(here as *const _) else { return };
    // SAFETY: it reads the vector that the kernel gave to the program, and returns a number.
    let entry = unsafe { libc::getauxval(libc::AT_ENTRY) };
    let program = object(core::ptr::without_provenance(usize::try_from(entry).unwrap_or(0)));
    if program.is_some_and(|program| program.dli_fbase == library.dli_fbase) {
        return;
    }
    let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: the name is the loader's own, which lives as long as the library: as this code does.
    // No library is loaded by that, so no constructor runs. The handle is never closed.
    unsafe { libc::dlopen(library.dli_fname, flags) };
}

/// The loader's data about the program or library that contains this address.
#[cfg(not(any(target_env = "musl", target_feature = "crt-static")))]
fn object(address: *const core::ffi::c_void) -> Option<libc::Dl_info> {
    let mut info = core::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: it looks the address up and doesn't read there; it writes one `Dl_info`.
    let known = unsafe { libc::dladdr(address, info.as_mut_ptr()) } != 0;
    // SAFETY: of pointers only, for which zeros are valid, whatever was written.
    let info = unsafe { info.assume_init() };
    (known && !info.dli_fname.is_null()).then_some(info)
}
