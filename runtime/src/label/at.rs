//! The location of a series' cells: a slot that never changes, or a row, which may be removed.
#![expect(unsafe_code, reason = "one word that is a number or an address")]
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

use core::ptr::without_provenance;
use core::sync::atomic::AtomicU32;

use crate::declare::registry;

use super::table::RowSlot;

/// A slot, or the address of a row's slot word. It is one word, which is passed in a register.
///
/// Code that keeps it from a call's beginning to its end can detect that the row was removed
/// meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct At(*const RowSlot);

// SAFETY: a number, or the address of a `&'static RowSlot`, which is atomic.
unsafe impl Send for At {}
// SAFETY: as above.
unsafe impl Sync for At {}

/// No address in a program has this bit.
const NUMBER: usize = 1 << 62;

/// The location of the series of a site that could not be registered.
pub const DROPPED: At = At::slot(registry::DROPPED);

impl At {
    #[inline(always)]
    pub(crate) const fn slot(slot: u32) -> Self {
        Self(without_provenance(NUMBER | slot as usize))
    }

    #[inline]
    pub(crate) fn row(row: &'static RowSlot) -> Self {
        Self(core::ptr::from_ref(row))
    }

    /// The current slot.
    #[inline(always)]
    pub(crate) fn load(self) -> u32 {
        if self.0.addr() & NUMBER != 0 {
            return self.number();
        }
        // SAFETY: `row` made it of a reference that is valid for ever; `slot` sets the bit.
        unsafe { &*self.0 }.load()
    }

    /// The slot, for a location that is not a row.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a slot")]
    pub(crate) fn number(self) -> u32 {
        self.0.addr() as u32
    }
}

/// The location of a handle's cells: an offset from its site's first cell, or a row.
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

    /// The offset from the site's first cell, or else the row.
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

/// The row for series that could not be registered.
pub(crate) static DROPPED_ROW: RowSlot = RowSlot(AtomicU32::new(registry::DROPPED + 1));
/// The row of a site that contradicts another.
pub(crate) static NEVER_ROW: RowSlot = RowSlot(AtomicU32::new(registry::NEVER + 1));
