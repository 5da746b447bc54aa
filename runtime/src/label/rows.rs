//! The table of all rows.

use super::labels::Row;
use super::sync::atomic::AtomicPtr;
use super::table::Rows;

pub(super) const SMALLEST_TABLE: usize = 256;

/// Maps label values to slots, for all families with open labels.
pub(crate) static ROWS: Rows<Row> = Rows::new(AtomicPtr::new(core::ptr::null_mut()));
