//! The archive: what processes counted that are gone, in one file, so that a collection costs what the living ones cost.
//!
//! ```text
//! fold     take the lock -> list -> read dead segments -> new archive = old + these + their instances as tombstones
//!          -> write, sync, rename (that is the commit) -> unlink the segments
//! collect  generation of the archive -> list -> read segments -> read the archive, last -> leave out what has a tombstone there;
//!          begin again if the generation moved by more than tombstones are kept for
//! ```
//!
//! So a segment counts once at every moment: before the commit its file does, after it the archive, whatever a collector saw first and
//! whoever is killed between two steps. An exhaustive model of it is in `tests/tests/archive_model.rs`.
//!
//! This layer stands on `merge`. It knows no collector and no snapshot's look, and nothing of the
//! writer: who folds hands in how to keep forks away.

mod batch;
mod compactor;
mod encoding;
mod file;
mod fold;
mod forget;
mod lock;
mod punch_holes;
mod room;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use batch::Portion;
pub(crate) use compactor::{Folder, Generation};
pub(crate) use file::{ReadArchive, generation, read, read_after};
pub(crate) use fold::since;
pub(crate) use forget::{forget_all, forget_untouched};
pub(crate) use room::{holding_the_lock, make_room, one_that_fits};

/// A tombstone is kept for so many generations after its segment was last seen. A collection during which more of them passed begins
/// again.
pub(crate) const KEPT: u64 = 4;
