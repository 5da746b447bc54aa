//! Attributes of the language, of tools and of other macros stay where they are.

use headcount::{count_exceptions, counted, timed};

#[counted]
#[unsafe(no_mangle)]
#[timed]
#[rustfmt::skip]
#[inline(never)]
#[must_use]
#[count_exceptions]
/// Adds.
pub unsafe extern "C" fn headcount_ui_add(a: *const u8, b: u8) -> u8 {
    unsafe { *a + b }
}

#[track_caller]
#[counted]
#[timed]
fn caller() -> u32 {
    std::panic::Location::caller().line()
}

fn main() {
    assert_eq!(unsafe { headcount_ui_add(&1, 2) }, 3);
    assert_eq!(caller(), 26);
}
