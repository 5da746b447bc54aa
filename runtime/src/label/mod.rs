//! Label values: from a user's types to the strings of a record, without allocating, and from these
//! to the row that has them.
//!
//! The writer fills the table of rows (`table`, `arena`), and recording looks rows up in it without
//! a lock. This layer knows neither: it has the values, and memory for entries.

pub(crate) mod arena;
mod at;
mod digest;
mod digits;
mod foreign_values;
mod labels;
pub(crate) mod resting;
mod rows;
mod strings;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod value;
mod writer;

// The atomics of the table. A model in another crate substitutes its own.
use core::sync;

pub use at::{At, DROPPED};
pub(crate) use at::{Cells, DROPPED_ROW, NEVER_ROW};
pub(crate) use digest::Digest;
pub use foreign_values::{DisplayValue, display};
pub use labels::Labels;
pub(crate) use labels::{LabelKey, Row, Slice, Texts, find, find_brief};
pub(crate) use rows::ROWS;
use rows::SMALLEST_TABLE;
pub(crate) use strings::{closed, single};
#[expect(unreachable_pub, reason = "in the signature of a hidden trait")]
pub use table::RowSlot;
pub(crate) use table::{Entry, GONE};
pub use value::{LabelValue, NoValues, Values};
pub(crate) use writer::Key;
pub use writer::LabelWriter;
