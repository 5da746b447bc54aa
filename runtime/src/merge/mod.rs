//! Merges many segments and an archive into one set of families.
//!
//! All of it is pure: the same parts give the same families, in any order, and whether or not some
//! of them were compacted before. This layer knows what `reader` has decoded. It knows no files,
//! directories, formats or clocks, and nothing of the writer.

pub(crate) mod archived;
mod columns;
mod declaration;
pub(crate) mod declared;
pub(crate) mod exemplars;
pub(crate) mod families;
pub(crate) mod family;
pub(crate) mod part;
pub(crate) mod plan;
pub(crate) mod size;
pub(crate) mod sort;
pub(crate) mod spans;
pub(crate) mod sums;
pub(crate) mod totals;
mod update;
