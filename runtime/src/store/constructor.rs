//! What runs once the linker's list is complete.
//!
//! A constructor of somebody else's may record before those that make up the list have run: then
//! the
//! process has a segment with what it used, and lacks what else is declared. Ours has no number and
//! lies in a library, so it runs after those of who links it; it does nothing unless something was
//! recorded. A list that grows later still is looked through when a series or a thread is new, or
//! at a
//! collection.
#![expect(unsafe_code, reason = "a place in a section")]

use super::fork::Guard;

extern "C" fn list_is_complete() {
    if Guard::has_been_taken() {
        if let Some(mut store) = Guard::lock() {
            store.catch_up();
        }
    }
}

#[used]
// SAFETY: the loader calls what this section holds, once and without looking at a result: a
// function of
// this library that takes no arguments, or may ignore them.
#[unsafe(link_section = ".init_array")]
static LIST_IS_COMPLETE: extern "C" fn() = list_is_complete;
