//! From a site to a slot.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::label::{Key, LabelKey, Labels, table};
use crate::registry::{Site, UNASSIGNED};
use crate::store;

/// The base of handles and recorders that know their slot already.
pub(crate) static ZERO: AtomicU32 = AtomicU32::new(0);

impl Site {
    /// This site's first cell. The first call in a process makes its segment and registers everything declared.
    #[inline(always)]
    pub fn slot(&'static self) -> u32 {
        let slot = self.load(Ordering::Relaxed);
        if slot < UNASSIGNED { slot } else { self.slot_cold() }
    }

    #[cold]
    #[inline(never)]
    fn slot_cold(&'static self) -> u32 {
        store::target(self.slot_cell(), 0, 0).0
    }

    /// The first cell of this site's series with these values.
    #[inline]
    pub fn row<L: Labels>(&'static self, values: L) -> u32 {
        let mut key = Key::new();
        values.write_to(&mut LabelKey(&mut key));
        let site = core::ptr::from_ref(self) as usize;
        match table::find(&table::Key { site, values: key.bytes() }) {
            Some(slot) => slot,
            None => self.row_cold(&key),
        }
    }

    #[cold]
    #[inline(never)]
    fn row_cold(&'static self, key: &Key) -> u32 {
        store::row(self, key.bytes())
    }
}
