//! Room for a process that finds none: the one door between recording, which is full of it, and folding, which makes it.
//!
//! The store knows when to ask, and calls this without its mutex. Who folds, and how, only `collect` knows.

use crate::collect;

/// Folds what the dead have left in this process's directory, as far as that is quick, if this process may; or waits a moment for who is doing it. Whether
/// there is room now shows in what is done next.
pub(crate) fn make() {
    // What was in the way is told by what is done next: there is no room.
    let _ = collect::make_room();
}
