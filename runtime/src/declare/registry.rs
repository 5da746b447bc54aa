//! The sites that the linker collected, in a deterministic order.
//!
//! It does not assign slots: the store does that, at first use.

use core::any::type_name;
use core::panic::Location;
use core::slice;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::model::cells::PLACES;
use crate::model::cold_sort::sort_by_key;
use crate::model::kind::{Ending, Kind};

use super::descriptor::Descriptor;

/// The slot of a site that has none yet. It is above every shard's limit, so the one compare of the
/// hot path catches it; and adding a width or an index to it can't wrap.
pub(crate) const UNASSIGNED: u32 = 0x8000_0000;
/// Combined with the slot of a series that keeps exemplars of its own accord. It puts the slot
/// above every limit, so that operations on such a series leave the hot path at its one compare.
/// Below [`UNASSIGNED`], so that the series counts as registered.
const WITH_EXEMPLARS: u32 = 0x4000_0000;

/// The slot without the mark of exemplars.
#[inline]
pub(crate) const fn cells_of(slot: u32) -> u32 {
    if slot < UNASSIGNED { slot & !WITH_EXEMPLARS } else { slot }
}

/// Whether the slot has the mark of exemplars.
#[inline]
pub(crate) const fn has_exemplars(slot: u32) -> bool {
    slot < UNASSIGNED && slot & WITH_EXEMPLARS != 0
}

/// The slot of a site that could not be registered.
pub(crate) const DROPPED: u32 = 0xC000_0000;

/// The slot of a site that contradicts another declaration of its name: asking again is useless.
/// The values above it serve as the cells of its rows.
pub(crate) const NEVER: u32 = 0xE000_0000;

/// See [`Site::is_full`]; it is above every limit too.
const FULL: u32 = UNASSIGNED + 1;

/// From here to [`NEVER`]: the slots of rows for which there was no space. Space for them is
/// requested again.
pub(crate) const WAITING: u32 = 0xD000_0000;

/// Records calls, one counter for all ends.
pub const COUNTED: u32 = 1;
/// Records calls, one counter for each outcome.
pub const COUNTED_OUTCOME: u32 = 2;
/// Records durations, one histogram for all ends.
pub const TIMED: u32 = 4;
/// Records durations, one histogram for each outcome.
pub const TIMED_OUTCOME: u32 = 8;
/// Records calls in progress.
pub const IN_PROGRESS: u32 = 16;
/// Counts calls that ended with an error as exceptions.
pub const ERRORS: u32 = 32;
/// Counts calls that ended with a panic as exceptions.
pub const PANICS: u32 = 64;
/// Counts calls that were cancelled as exceptions.
pub const CANCELLED: u32 = 128;
/// Any of the three: there is a counter of exceptions.
pub(crate) const EXCEPTIONS: u32 = ERRORS | PANICS | CANCELLED;
/// Combined with [`TIMED`] or [`TIMED_OUTCOME`]: leaves out cancelled calls.
pub const TIMED_COMPLETED: u32 = 256;

/// Records when the oldest call in progress began. It has a site of its own, since it alone keeps
/// something from the beginning of a call to its end.
pub const OLDEST: u32 = 512;

/// Combined with [`COUNTED`] or [`COUNTED_OUTCOME`]: keeps exemplars of calls.
pub const COUNTED_EXEMPLARS: u32 = 1024;
/// Combined with [`TIMED`] or [`TIMED_OUTCOME`]: keeps exemplars of durations.
pub const TIMED_EXEMPLARS: u32 = 2048;
/// Combined with [`ERRORS`] or its siblings: keeps exemplars of exceptions.
pub const EXCEPTION_EXEMPLARS: u32 = 4096;
/// Any of the three.
pub(crate) const EXEMPLARS: u32 = COUNTED_EXEMPLARS | TIMED_EXEMPLARS | EXCEPTION_EXEMPLARS;

/// Everything that one function or one metric declares; `inventory` collects these.
#[derive(Debug)]
pub struct Sites(pub &'static [Site]);

inventory::collect!(Sites);

/// The cache of a site's slot. It is separate from the site, which is otherwise immutable: code
/// that is compiled together with a site knows it as a constant, so its bounds, its mode and its
/// labels cost nothing to look up.
#[derive(Debug)]
pub struct Slot(AtomicU32);

impl Slot {
    /// No slot yet.
    #[expect(clippy::declare_interior_mutable_const, reason = "what a static begins with")]
    pub const NEW: Self = Self(AtomicU32::new(UNASSIGNED));
}

/// A descriptor, and the cache of its slot.
#[derive(Debug)]
pub struct Site {
    slot: &'static Slot,
    /// The distance in cells from one set of label values to the next, if all labels are closed; 0
    /// if one is open.
    stride: u32,
    /// Whether its cells are those of a gauge that stores when it was set.
    recent: bool,
    spec: Spec,
}

/// Cells whose slot is the site's to assign: those `index` behind its slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) site: &'static Site,
    pub(crate) index: u32,
}

impl Place {
    /// The slot, as far as it is known. A value that isn't a slot stays above every limit: a site
    /// has fewer than 2^16 cells.
    #[inline]
    pub(crate) fn load(self, order: Ordering) -> u32 {
        self.site.load(order).wrapping_add(self.index)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Spec {
    Function(Function),
    Metric(Descriptor),
}

/// All attributes without a name of one function: its series in the families that all functions
/// share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    /// The name of a type that is declared *inside* the annotated function. Its path contains the
    /// function's, including the type of a method.
    pub(crate) here: fn() -> &'static str,
    pub(crate) module: &'static str,
    pub(crate) place: &'static Location<'static>,
    pub(crate) what: u32,
}

/// The only site of a function whose attributes all have no name, together with its slot. One
/// `static` for both, because for a thousand functions another `static` costs more compile time
/// than its content.
#[derive(Debug)]
pub struct FunctionSite<const WHAT: u32> {
    slot: Slot,
    site: Site,
}

impl<const WHAT: u32> FunctionSite<WHAT> {
    /// Computed once for all functions with these attributes.
    const WIDTH: u32 = function_width(WHAT);

    /// The site of `this`, at whose own address it will be. Its place is the caller's. `Here` is
    /// any type that is declared inside the function.
    #[track_caller]
    pub const fn new<Here>(this: &'static Self, module: &'static str) -> Self {
        let site = Site::function_of(&this.slot, type_name::<Here>, module, WHAT, Self::WIDTH);
        Self { slot: Slot::NEW, site }
    }

    /// The site to register.
    pub const fn sites(&'static self) -> Sites {
        Sites(slice::from_ref(&self.site))
    }

    /// The site.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]
    pub(crate) fn site(&'static self) -> &'static Site {
        &self.site
    }

    /// The site's slot as far as it is known: from here, because the site is no constant in this
    /// place.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]
    pub(crate) fn word(&'static self) -> &'static AtomicU32 {
        &self.slot.0
    }
}

impl Site {
    /// The attributes without a name of a function; `what` combines [`COUNTED`] and its siblings,
    /// and the place is the caller's.
    #[track_caller]
    pub const fn function(
        slot: &'static Slot,
        here: fn() -> &'static str,
        module: &'static str,
        what: u32,
    ) -> Self {
        Self::function_of(slot, here, module, what, function_width(what))
    }

    #[track_caller]
    const fn function_of(
        slot: &'static Slot,
        here: fn() -> &'static str,
        module: &'static str,
        what: u32,
        stride: u32,
    ) -> Self {
        let function = Function { here, module, place: Location::caller(), what };
        Self { slot, stride, recent: false, spec: Spec::Function(function) }
    }

    /// An attribute with a name, or a declared metric.
    ///
    /// # Panics
    ///
    /// Panics if closed labels have too many combinations; in a constant, that is a compile error.
    #[track_caller]
    pub const fn metric(slot: &'static Slot, descriptor: Descriptor) -> Self {
        let stride = if descriptor.is_open() {
            0
        } else {
            assert!(descriptor.product() > 0);
            descriptor.width() * descriptor.fan()
        };
        let recent = descriptor.is_stamped();
        Self { slot, stride, recent, spec: Spec::Metric(descriptor) }
    }

    #[inline]
    pub(crate) fn stride(&self) -> u32 {
        self.stride
    }

    #[inline]
    pub(crate) fn is_recent(&self) -> bool {
        self.recent
    }

    /// The key by which its rows are found.
    #[inline]
    pub(crate) fn address(&'static self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    #[inline]
    pub(crate) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Whether this site's series depend on values that are known only at run time.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.stride == 0
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]
    pub(crate) fn load(&self, order: Ordering) -> u32 {
        self.slot.0.load(order)
    }

    pub(crate) fn assign(&self, slot: u32) {
        // Release: a thread that sees the slot sees the blocks behind it.
        self.slot.0.store(self.marked(slot), Ordering::Release);
    }

    /// The slot of cells of this site, with the mark of exemplars if the site keeps any.
    pub(crate) fn marked(&self, slot: u32) -> u32 {
        let keeps = match &self.spec {
            Spec::Metric(d) => d.exemplars,
            Spec::Function(f) => f.what & EXEMPLARS != 0,
        };
        if keeps && slot < UNASSIGNED { slot | WITH_EXEMPLARS } else { slot }
    }

    /// Whether another declaration of this name is in force, so that this one never will be.
    pub(crate) fn is_contradicted(&self) -> bool {
        self.slot.0.load(Ordering::Relaxed) == NEVER
    }

    /// Whether a site with open labels has reached its maximum number of series. Such a site has no
    /// slot of its own, so its slot word holds this mark.
    pub(crate) fn is_full(&self) -> bool {
        self.slot.0.load(Ordering::Relaxed) == FULL
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.slot.0.store(if is_full { FULL } else { UNASSIGNED }, Ordering::Relaxed);
    }

    /// The sort key of a site. Sites with few cells come first, so that a thread that only counts
    /// needs one page; and every process of one program assigns the same slots.
    pub(crate) fn order(&self) -> (u32, &'static str, &'static str, u32) {
        match &self.spec {
            Spec::Function(f) => (self.stride, f.module, f.place.file(), f.place.line()),
            Spec::Metric(d) => (d.width() * d.fan() * d.product(), d.name, d.file, d.line),
        }
    }
}

/// The offset of each part of a function's cells: `calls, in progress, exceptions, durations,
/// oldest`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) in_progress: u32,
    pub(crate) exceptions: u32,
    pub(crate) durations: u32,
    pub(crate) oldest: u32,
    pub(crate) width: u32,
}

/// The number of cells of one default histogram of durations.
#[expect(clippy::cast_possible_truncation, reason = "fourteen bounds")]
pub(crate) const HISTOGRAM: u32 =
    crate::model::cells::durations_width(crate::declare::descriptor::DEFAULT_NANOS.len() as u32);

pub(crate) const fn function_parts(what: u32) -> Parts {
    let calls = if what & COUNTED_OUTCOME != 0 {
        4
    } else if what & COUNTED != 0 {
        1
    } else {
        0
    };
    let in_progress = calls;
    let exceptions = in_progress + if what & IN_PROGRESS != 0 { 1 } else { 0 };
    let durations = exceptions + if what & EXCEPTIONS != 0 { 1 } else { 0 };
    let oldest = durations
        + if what & TIMED_OUTCOME != 0 {
            4 * HISTOGRAM
        } else if what & TIMED != 0 {
            HISTOGRAM
        } else {
            0
        };
    let width = oldest + if what & OLDEST != 0 { PLACES } else { 0 };
    Parts { in_progress, exceptions, durations, oldest, width }
}

pub(crate) const fn function_width(what: u32) -> u32 {
    function_parts(what).width
}

/// The family that attributes without a name share.
pub(crate) const fn shared_family(kind: Kind) -> Descriptor {
    let (name, help) = kind.shared_family();
    let descriptor = Descriptor::new(kind, name, help, "", 0);
    if matches!(kind.ending(), Ending::Seconds) { descriptor.unit("seconds") } else { descriptor }
}

/// All sites, in no particular order.
pub(crate) fn sites() -> impl Iterator<Item = &'static Site> {
    inventory::iter::<Sites>.into_iter().flat_map(|sites| sites.0)
}

/// The sites that have no slot yet, in the order in which they get their slots.
///
/// Libraries that are loaded later add theirs, so this may find more each time.
pub(crate) fn unassigned() -> Vec<&'static Site> {
    let mut sites: Vec<&'static Site> = sites()
        .filter(|site| {
            !site.is_open() && (UNASSIGNED..NEVER).contains(&site.load(Ordering::Relaxed))
        })
        .collect();
    sort(&mut sites);
    sites
}

/// Sorts sites in the order in which they get their slots.
pub(crate) fn sort(sites: &mut [&'static Site]) {
    sort_by_key(sites, |site| site.order());
}

/// The first entry of the linker's list. It changes when the list grows.
pub(crate) fn newest() -> usize {
    let first = inventory::iter::<Sites>.into_iter().next();
    first.map_or(0, |sites| core::ptr::from_ref(sites).addr())
}

/// Whether this program declares anything at all.
pub(crate) fn is_empty() -> bool {
    inventory::iter::<Sites>.into_iter().next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_function_stand_behind_each_other() {
        let all = function_parts(COUNTED | TIMED | IN_PROGRESS | EXCEPTIONS);
        assert_eq!((all.in_progress, all.exceptions, all.durations), (1, 2, 3));
        assert_eq!(all.width, 3 + HISTOGRAM);
        let oldest = function_parts(COUNTED | OLDEST);
        assert_eq!((oldest.oldest, oldest.width), (1, 1 + PLACES));
        let both = function_parts(COUNTED_OUTCOME | TIMED_OUTCOME);
        assert_eq!((both.in_progress, both.durations, both.width), (4, 4, 4 + 4 * HISTOGRAM));
    }
}
