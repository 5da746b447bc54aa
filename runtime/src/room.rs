//! Room for a process that finds none: the one door between recording, which is full of it, and folding, which makes it.
//!
//! The store knows when to ask, and calls this without its mutex. Who folds, and how, only `collect` knows.

use crate::collect;
use crate::error::Error;

/// Folds what the dead have left in this process's directory, as far as that is quick, if this
/// process may; or waits a moment for who is doing it. Whether
/// there is room now shows in what is done next.
pub(crate) fn make() {
    // What was in the way is told by what is done next: there is no room.
    let _ = collect::make_room();
}

/// A row that this process has removed.
#[derive(Debug)]
pub(crate) struct GoneRow {
    pub(crate) slot: u32,
    pub(crate) family: &'static str,
    pub(crate) labels: Vec<(String, String)>,
    /// From when to when it was there, and then since when it is there again, if it is; in
    /// nanoseconds since 1970.
    pub(crate) spans: Vec<(u64, u64)>,
}

/// Which of these rows somebody else in the directory has, or had while they were there: what was
/// counted in them still is. `own` is
/// this process's segment.
pub(crate) fn held(own: [u8; 16], rows: &[GoneRow]) -> Result<Vec<bool>, Error> {
    collect::held(own, rows)
}
