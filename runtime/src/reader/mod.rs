//! Decodes one segment: from its bytes to what it contains at one moment.
//!
//! Every byte is hostile: no number is used before it was checked, and anything that is wrong
//! becomes an error that says what it is. This layer knows the format, files by their descriptors,
//! and whether a segment's process is alive. It knows nothing of merging, of the archive or of the
//! writer; this process's own segment is handed in.

pub(crate) mod counted;
pub(crate) mod exemplar_places;
pub(crate) mod family;
pub(crate) mod layout;
pub(crate) mod layout_cache;
pub(crate) mod liveness;
pub(crate) mod log;
pub(crate) mod log_reader;
pub(crate) mod native_blocks;
pub(crate) mod parse;
pub(crate) mod segment;
pub(crate) mod series_record;
pub(crate) mod shard_cells;
pub(crate) mod size;
pub(crate) mod slot_runs;
pub(crate) mod source;
pub(crate) mod times;
