//! Where the cells of a series are: a slot that is known for good, or a row, which may be removed.
#![expect(unsafe_code, reason = "one word that is a number or an address")]

use core::ptr::without_provenance;
use core::sync::atomic::AtomicU32;

use super::table::RowSlot;
use crate::registry;

/// A slot, or where a row's stands. One word, which is passed in a register.
///
/// Whoever carries it from a call's beginning to its end finds out whether the row was removed
/// meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct At(*const RowSlot);

// SAFETY: a number, or the address of a `&'static RowSlot`, which is atomic.
unsafe impl Send for At {}
// SAFETY: as above.
unsafe impl Sync for At {}

/// No address of a program's has this bit.
const NUMBER: usize = 1 << 62;

/// What the series of a site that could not be registered has.
pub const DROPPED: At = At::slot(registry::DROPPED);

impl At {
    #[inline]
    pub(crate) const fn slot(slot: u32) -> Self {
        Self(without_provenance(NUMBER | slot as usize))
    }

    #[inline]
    pub(crate) fn row(row: &'static RowSlot) -> Self {
        Self(core::ptr::from_ref(row))
    }

    /// The slot as it is now.
    #[inline]
    pub(crate) fn load(self) -> u32 {
        if self.0.addr() & NUMBER != 0 {
            return self.number();
        }
        // SAFETY: `row` made it of a reference that is valid for ever; `slot` sets the bit.
        unsafe { &*self.0 }.load()
    }

    /// The same of what is no row.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a slot")]
    pub(crate) fn number(self) -> u32 {
        self.0.addr() as u32
    }
}

/// Where a handle's cells are: so far behind its site's first, or a row's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells(*const RowSlot);

// SAFETY: as of `At`.
unsafe impl Send for Cells {}
// SAFETY: as of `At`.
unsafe impl Sync for Cells {}

impl Cells {
    #[inline]
    pub(crate) const fn declared(index: u32) -> Self {
        Self(without_provenance(NUMBER | index as usize))
    }

    #[inline]
    pub(crate) fn row(row: &'static RowSlot) -> Self {
        Self(core::ptr::from_ref(row))
    }

    /// How far behind the site's first cell, or the row.
    #[inline]
    pub(crate) fn get(self) -> Result<u32, &'static RowSlot> {
        if self.0.addr() & NUMBER == 0 {
            // SAFETY: `row` made it of such a reference; `declared` sets the bit.
            Err(unsafe { &*self.0 })
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            Ok(self.0.addr() as u32)
        }
    }
}

/// The row that could not be registered.
pub(crate) static DROPPED_ROW: RowSlot = RowSlot(AtomicU32::new(registry::DROPPED + 1));
/// A row of a site that contradicts another.
pub(crate) static NEVER_ROW: RowSlot = RowSlot(AtomicU32::new(registry::NEVER + 1));
