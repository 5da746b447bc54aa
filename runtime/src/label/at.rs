//! The location of a series' cells: a slot that never changes, or a row, which may be removed.
#![expect(unsafe_code, reason = "one word that is a number or an address")]
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

#[cfg(target_pointer_width = "64")]
use core::ptr::without_provenance;
use core::sync::atomic::AtomicU32;

use crate::declare::registry;

use super::table::RowSlot;

/// A number, or the address of a row's slot word. It is one word, which is passed in a register,
/// where a word has a bit to spare.
#[cfg(target_pointer_width = "64")]
#[derive(Debug, Clone, Copy)]
struct Either(*const RowSlot);

/// No address in a program has this bit.
#[cfg(target_pointer_width = "64")]
const NUMBER: usize = 1 << 62;

#[cfg(target_pointer_width = "64")]
impl Either {
    #[inline]
    const fn of(number: u32) -> Self {
        Self(without_provenance(NUMBER | number as usize))
    }

    #[inline]
    fn row(row: &'static RowSlot) -> Self {
        Self(core::ptr::from_ref(row))
    }

    #[inline]
    fn get(self) -> Result<u32, &'static RowSlot> {
        if self.0.addr() & NUMBER == 0 {
            // SAFETY: `row` made it of a reference that is valid for ever; `of` sets the bit.
            Err(unsafe { &*self.0 })
        } else {
            Ok(self.number())
        }
    }

    /// The number, if it is one.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    fn number(self) -> u32 {
        self.0.addr() as u32
    }
}

/// The same in two words.
#[cfg(not(target_pointer_width = "64"))]
#[derive(Debug, Clone, Copy)]
struct Either(u32, Option<&'static RowSlot>);

#[cfg(not(target_pointer_width = "64"))]
impl Either {
    #[inline]
    const fn of(number: u32) -> Self {
        Self(number, None)
    }

    #[inline]
    fn row(row: &'static RowSlot) -> Self {
        Self(0, Some(row))
    }

    #[inline]
    fn get(self) -> Result<u32, &'static RowSlot> {
        self.1.map_or(Ok(self.0), Err)
    }

    #[inline]
    fn number(self) -> u32 {
        self.0
    }
}

/// A slot, or the address of a row's slot word.
///
/// Code that keeps it from a call's beginning to its end can detect that the row was removed
/// meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct At(Either);

// SAFETY: a number, or the address of a `&'static RowSlot`, which is atomic.
unsafe impl Send for At {}
// SAFETY: as above.
unsafe impl Sync for At {}

/// The location of the series of a site that could not be registered.
pub const DROPPED: At = At::slot(registry::DROPPED);

impl At {
    #[inline(always)]
    pub(crate) const fn slot(slot: u32) -> Self {
        Self(Either::of(slot))
    }

    #[inline]
    pub(crate) fn row(row: &'static RowSlot) -> Self {
        Self(Either::row(row))
    }

    /// The current slot.
    #[inline(always)]
    pub(crate) fn load(self) -> u32 {
        self.0.get().unwrap_or_else(RowSlot::load)
    }

    /// The slot, for a location that is not a row.
    #[inline(always)]
    pub(crate) fn number(self) -> u32 {
        self.0.number()
    }
}

/// The location of a handle's cells: an offset from its site's first cell, or a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells(Either);

// SAFETY: as of `At`.
unsafe impl Send for Cells {}
// SAFETY: as of `At`.
unsafe impl Sync for Cells {}

impl Cells {
    #[inline]
    pub(crate) const fn declared(index: u32) -> Self {
        Self(Either::of(index))
    }

    #[inline]
    pub(crate) fn row(row: &'static RowSlot) -> Self {
        Self(Either::row(row))
    }

    /// The offset from the site's first cell, or else the row.
    #[inline]
    pub(crate) fn get(self) -> Result<u32, &'static RowSlot> {
        self.0.get()
    }
}

/// The row for series that could not be registered.
pub(crate) static DROPPED_ROW: RowSlot = RowSlot(AtomicU32::new(registry::DROPPED + 1));
/// The row of a site that contradicts another.
pub(crate) static NEVER_ROW: RowSlot = RowSlot(AtomicU32::new(registry::NEVER + 1));
