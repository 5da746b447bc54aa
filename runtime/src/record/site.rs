//! Finds the slot of a site.
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

use core::sync::atomic::Ordering;

use crate::config::ON;
use crate::declare::descriptor::Label;
use crate::declare::registry::{DROPPED, FunctionSite, Place, Site, Spec, UNASSIGNED};
use crate::label::{self, At, DROPPED_ROW, Key, LabelKey, Labels, NEVER_ROW, RowSlot, Texts};
use crate::process::relaxed;
use crate::store;

use super::operation::{self, Add, at_site};
use super::recorder::Function;

impl<const WHAT: u32> FunctionSite<WHAT> {
    /// As [`Site::slot`].
    #[inline(always)]
    pub fn slot(&'static self) -> At {
        if !ON {
            return At::slot(DROPPED);
        }
        let slot = relaxed::load_u32(self.word());
        At::slot(if slot < UNASSIGNED { slot } else { self.site().slot_cold() })
    }

    /// The recorder of all of the function's attributes.
    #[inline(always)]
    pub fn recorder(&'static self) -> Function<WHAT> {
        Function(self.slot())
    }

    /// As [`Site::count`].
    #[inline]
    pub fn count(&'static self) {
        let slot = relaxed::load_u32(self.word());
        operation::at(slot, Add(1), || Some(Place { site: self.site(), index: 0 }));
    }
}

impl Site {
    /// This site's first cell. The first call in a process makes its segment and registers
    /// everything declared.
    #[inline]
    pub fn slot(&'static self) -> At {
        At::slot(self.first())
    }

    #[inline(always)]
    fn first(&'static self) -> u32 {
        if !ON {
            return DROPPED;
        }
        let slot = self.load(Ordering::Relaxed);
        if slot < UNASSIGNED { slot } else { self.slot_cold() }
    }

    /// Counts one call. If nothing else is recorded, this is all: one compare checks that the site
    /// has a slot, that the thread has a shard, and that the shard has the cell.
    #[inline]
    pub fn count(&'static self) {
        at_site(self, Add(1));
    }

    #[cold]
    #[inline(never)]
    fn slot_cold(&'static self) -> u32 {
        store::target(Some(Place { site: self, index: 0 }), UNASSIGNED, 0).0
    }

    /// The location of this site's series with these values. With closed labels it is computed by
    /// an addition, otherwise it is looked up.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a tuple of references, written in place")]
    pub fn row<L: Labels>(&'static self, values: L) -> At {
        if !ON {
            return At::slot(DROPPED);
        }
        match self.closed_index(&values) {
            // A value that isn't a slot stays above every limit: a family has fewer than 2^16
            // cells.
            Some(index) => At::slot(self.first() + index),
            None => At::row(self.look_up(&values)),
        }
    }

    /// The offset of the series with these values from the site's first cell, if all labels are
    /// closed.
    #[inline]
    pub(crate) fn closed_index<L: Labels>(&self, values: &L) -> Option<u32> {
        (L::CLOSED && !self.is_open()).then(|| values.index() * self.stride())
    }

    /// The row with these values.
    #[inline]
    pub(crate) fn look_up(&'static self, values: &impl Labels) -> &'static RowSlot {
        if !ON {
            return &DROPPED_ROW;
        }
        let found = match values.texts() {
            Some(texts) => texts.find_brief(self.address()),
            None => label::find_brief(self.address(), values),
        };
        match (found, values.texts()) {
            (Some(row), _) => row,
            // Built again, so that only the slow path needs them in memory.
            (None, Some(texts)) => self.row_at_leisure(&texts),
            (None, None) => self.row_at_leisure(values),
        }
    }

    /// The slow path: values that are long, many, or written by the user's code; and new ones.
    #[inline(never)]
    fn row_at_leisure(&'static self, values: &impl Labels) -> &'static RowSlot {
        match label::find(self.address(), values) {
            Some(row) => row,
            None => self.row_cold(values),
        }
    }

    #[cold]
    fn row_cold(&'static self, values: &impl Labels) -> &'static RowSlot {
        // Done before the store is asked, because a label value runs the user's code.
        let mut key = Key::new();
        values.write_to(&mut LabelKey(&mut key));
        if self.is_contradicted() {
            return &NEVER_ROW;
        }
        if self.is_full() {
            // The row `_other` is in the table like any other, so the mutex still isn't needed.
            if let Some(row) = self.find_other(&key) {
                return row;
            }
        }
        store::row(self, &key)
    }

    fn find_other(&'static self, key: &Key) -> Option<&'static RowSlot> {
        let Spec::Metric(descriptor) = self.spec() else { return None };
        label::find(self.address(), &&key.others(descriptor.labels))
    }

    /// The values of the first labels, kept until the others are known: those of an error.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a tuple of references, written in place")]
    pub fn partial<L: Labels>(&'static self, values: L) -> Partial {
        let mut key = Key::new();
        values.write_to(&mut LabelKey(&mut key));
        Partial(key)
    }

    /// The location of the series with the values of `partial`, followed by these.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a tuple of references, written in place")]
    pub fn row_with<L: Labels>(&'static self, partial: &Partial, values: L) -> At {
        let mut key = partial.0.clone();
        values.write_to(&mut LabelKey(&mut key));
        At::row(self.look_up(&&key))
    }

    /// As `row_with`, if all further labels have the value `value`.
    pub fn row_named(&'static self, partial: &Partial, value: &'static str) -> At {
        let Spec::Metric(descriptor) = self.spec() else { return At::slot(DROPPED) };
        let given = descriptor.labels.iter().filter(|label| !matches!(label, Label::Const(..)));
        let mut key = partial.0.clone();
        for _ in given.skip(key.count()) {
            key.value(value);
        }
        At::row(self.look_up(&&key))
    }
}

/// The label values that were known when a call began.
#[derive(Debug, Clone)]
pub struct Partial(Key);
