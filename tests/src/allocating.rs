//! The system's allocator, for programs whose signal handlers fork: it reports whether a signal
//! has interrupted it. The C library's `fork` takes the allocator's locks, and would wait for its
//! own thread.
#![expect(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The allocator, to be declared with `#[global_allocator]`.
#[derive(Debug)]
pub struct Marking;

thread_local! {
    static IS_ALLOCATING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the allocator is at work in this thread, so that a signal handler must not fork.
pub fn is_allocating() -> bool {
    IS_ALLOCATING.get()
}

// SAFETY: everything is done by the system's allocator; the rest touches a thread-local without
// destructor.
unsafe impl GlobalAlloc for Marking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let outer = IS_ALLOCATING.replace(true);
        // SAFETY: the caller's promise is passed on.
        let memory = unsafe { System.alloc(layout) };
        IS_ALLOCATING.set(outer);
        memory
    }

    /// Memory that is not touched stays without pages, as in any program.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let outer = IS_ALLOCATING.replace(true);
        // SAFETY: as above.
        let memory = unsafe { System.alloc_zeroed(layout) };
        IS_ALLOCATING.set(outer);
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let outer = IS_ALLOCATING.replace(true);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) };
        IS_ALLOCATING.set(outer);
    }
}
