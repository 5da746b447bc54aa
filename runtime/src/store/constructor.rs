//! Completes the registration when the linker's list of declarations is complete.
//!
//! A constructor of another library may record before the constructors that build the list have
//! run. Then the process has a segment with the series that it used, and the other declarations are
//! missing. Our constructor has no priority and is in a library, so it runs after those of the
//! crates that link it. It does nothing unless something was recorded. A list that grows even later
//! is scanned again for a new series, a new thread or a collection.
#![expect(unsafe_code, reason = "a place in a section")]

use super::guard::Guard;

extern "C" fn list_is_complete() {
    if Guard::has_been_taken() {
        if let Some(mut store) = Guard::lock() {
            store.catch_up();
        }
    }
}

#[used]
// SAFETY: the loader calls what this section holds, once and without looking at a result: a
// function of this library that takes no arguments, or may ignore them.
#[unsafe(link_section = ".init_array")]
static LIST_IS_COMPLETE: extern "C" fn() = list_is_complete;
