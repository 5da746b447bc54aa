//! From a site to a slot.

use core::sync::atomic::Ordering;

use crate::label::{Key, LabelKey, Labels, table};
use crate::operation::{Add, at_site};
use crate::registry::{Site, UNASSIGNED};
use crate::store;

impl Site {
    /// This site's first cell. The first call in a process makes its segment and registers everything declared.
    #[inline]
    pub fn slot(&'static self) -> u32 {
        let slot = self.load(Ordering::Relaxed);
        if slot < UNASSIGNED { slot } else { self.slot_cold() }
    }

    /// Counts one call. Where nothing else is recorded, this is all: one compare finds out that the site has a slot, the
    /// thread a shard, and the shard room.
    #[inline]
    pub fn count(&'static self) {
        at_site(self, Add(1));
    }

    #[cold]
    #[inline(never)]
    fn slot_cold(&'static self) -> u32 {
        store::target(Some(self), UNASSIGNED, 0).0
    }

    /// The first cell of this site's series with these values.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a tuple of references, written in place")]
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
