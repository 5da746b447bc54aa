//! What the library needs of an operating system, and the only place that knows which one it is.
//!
//! * `linux`: files that processes share. Linux with 64-bit addresses and little-endian words,
//!   since cells are written into files as they are in memory.
//! * `private`: everything else. A process counts in memory of its own. Nothing opens a file of
//!   headcount's: descriptors cannot exist, and what would open one fails. Also under miri, and
//!   with `--cfg headcount_private`, by which Linux runs the library's tests in this way.
//!
//! Both have the same items, those of rustix and of libc that the library uses. So the code above
//! is one and the same. The condition stands here, in `lib.rs` and in `Cargo.toml`.

#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_endian = "little",
    not(any(miri, headcount_private))
))]
mod linux;
#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_endian = "little",
    not(any(miri, headcount_private))
))]
pub(crate) use linux::*;

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_endian = "little",
    not(any(miri, headcount_private))
)))]
mod private;
#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_endian = "little",
    not(any(miri, headcount_private))
)))]
pub(crate) use private::*;

pub(crate) mod rights;
