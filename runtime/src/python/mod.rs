//! Reads the files of Python's `prometheus_client` in multiprocess mode, `*.db`, and merges them by
//! its rules.
//!
//! ```text
//! file_name   what a file's name says: type, mode, process
//! read        one file into memory: its first bytes, then as many as it says that it uses
//! layout      the entries in these bytes, and which of the two layouts they have
//! key         an entry's key, a JSON array; key_table has all of them, each parsed once
//! kept        what stays between two passes: keys, and the places of the values in each file
//! watch       which files nobody has opened since
//! pass        all files of a directory, in the order of their names
//! merging     the values of all files into families, as `MultiProcessCollector.merge` does it
//! fit         which files the archive can take in
//! page        these families as this library shows them; archived: as it adds them to its own
//! files       the public function
//! ```
//!
//! Every byte is hostile: a bad file, or a bad entry, costs itself and is reported. A file is read
//! and never mapped, since its process may truncate it. Neither the age of a file nor the process
//! number in its name says whether its process is alive, so nothing here asks. What is kept of a
//! file that nobody can have changed rests on what the kernel says, not on times.
//!
//! `merging`, `page` and `archived` are pure. The layer knows no segments and no archive, and
//! neither the writer nor collectors.

mod archived;
mod family;
mod file_name;
mod files;
mod fit;
mod kept;
mod key;
mod key_table;
mod layout;
mod merging;
mod page;
mod pass;
mod read;
mod total;
mod watch;

pub(crate) use archived::archived;
pub use family::{Family, Merged, Sample};
pub(crate) use file_name::{Remains, process_of};
pub use files::merge;
pub(crate) use fit::Fit;
pub(crate) use kept::Kept;
pub(crate) use page::family as page_family;
pub(crate) use pass::Pass;
