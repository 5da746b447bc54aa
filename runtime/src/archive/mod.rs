//! The archive: the counts of dead processes in one file, so that a collection costs only what the
//! living processes cost.
//!
//! ```text
//! compact  take the lock -> list -> read dead segments
//!          -> new archive = old archive + these + their instances as tombstones
//!          -> write, sync, rename (the commit) -> unlink the segments
//! collect  read the archive's generation -> list -> read segments -> read the archive, last
//!          -> leave out segments that have a tombstone there; begin again if the generation
//!          has grown by more than tombstones are kept for
//! ```
//!
//! So each segment counts exactly once at every moment: before the commit its file counts, after it
//! the archive, whatever a collector has read first, and whichever process is killed between two
//! steps. An exhaustive model of the protocol is in `tests/tests/archive_model/`.
//!
//! This layer stands on `merge`. It knows no collector and no snapshot, and nothing of the writer:
//! the caller hands in how to keep forks away.

mod commit;
mod compact;
mod compactor;
mod encoding;
mod exemplars;
mod file;
mod forget;
mod limits;
mod listing;
mod lock;
#[cfg(feature = "compact-when-full")]
mod make_space;
mod punch_holes;
mod space;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use compact::{Now, TOMBSTONE_GENERATIONS, add_to_sums, since};
pub(crate) use compactor::{Compactor, Generation};
pub(crate) use file::{ReadArchive, generation, read, read_after};
pub(crate) use forget::{forget_all, forget_untouched, series_of_archive};
pub(crate) use limits::Limits;
#[cfg(feature = "compact-when-full")]
pub(crate) use make_space::make_space;
pub(crate) use space::{holding_the_lock, holding_the_lock_of_any, one_that_fits};
