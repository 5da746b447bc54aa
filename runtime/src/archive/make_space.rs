//! Frees space in a directory that has none, for a process that would otherwise count in private
//! memory.

use std::time::{Duration, Instant};

use crate::directory::Directory;
use crate::error::Error;
use crate::process::Forks;

use super::space::{holding_the_lock, one_that_fits};
use super::{Compactor, Limits};

/// How long to wait for another process that is compacting, before this process counts in private
/// memory for good: as long as its own compaction would take.
const PATIENCE: Duration = Limits::FOR_SPACE.time;

/// Compacts once, just enough to free space for new processes in a moment, or waits for a process
/// that is compacting. `open` opens the directory, if there is one.
pub(crate) fn make_space(
    open: impl Fn() -> Result<Option<Directory>, Error>,
    forks: Forks,
) -> Result<(), Error> {
    let compacting =
        |compactor: &Compactor<'_>| one_that_fits(compactor, Limits::FOR_SPACE, &mut Vec::new());
    let began = Instant::now();
    loop {
        let Some(directory) = open()? else { return Ok(()) };
        match holding_the_lock(&directory, forks, compacting) {
            // If a thousand workers start at once, most of them come here.
            Err(e) if e.is_busy() && began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(2));
            }
            done => return done.map(drop),
        }
        if open()?.is_none_or(|directory| !directory.is_nearly_full()) {
            return Ok(());
        }
    }
}
