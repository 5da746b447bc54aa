//! The representation that all handles share, and the functions with which generated code creates
//! them.
#![expect(unsafe_code, reason = "a generic constructor that is const")]

use core::fmt;
use core::sync::atomic::Ordering;

use crate::config::ON;
use crate::declare::descriptor::Bounds;
use crate::declare::registry::{DROPPED, Place, Site, Spec, UNASSIGNED, cells_of};
use crate::label::{At, Cells, GONE, LabelValue, Labels, NEVER_ROW, RowSlot};
use crate::model::TraceContext;
use crate::model::kind::Kind;
use crate::record::exemplar;
use crate::record::operation::{self, Operation};
use crate::segment::shard;
use crate::store;

use super::{AnyState, Counter, Gauge, Histogram, Info, StateSet, Summary};

/// The content of every handle: a site, and a position among its cells. It is two words, which are
/// passed in registers.
///
/// If all series of a site are known at its declaration, the position is an offset from the site's
/// slot, which is assigned at first use. A row that was looked up has its own slot until it is
/// removed.
#[derive(Clone, Copy)]
pub(super) struct Raw {
    site: &'static Site,
    cells: Cells,
}

impl Raw {
    const fn of_site(site: &'static Site) -> Self {
        Self::of_declared(site, 0)
    }

    /// The series whose cells begin `index` cells after the site's slot.
    const fn of_declared(site: &'static Site, index: u32) -> Self {
        Self { site, cells: Cells::declared(index) }
    }

    fn of_row(site: &'static Site, row: &'static RowSlot) -> Self {
        Self { site, cells: Cells::row(row) }
    }

    /// Identifies the series among all series of the process.
    pub(super) fn key(self) -> (usize, u32) {
        match self.place() {
            Some(Place { site, index }) => (site.address(), index),
            // Two sites may share a row.
            None => (0, self.cells_slot()),
        }
    }

    /// The name of its family.
    pub(super) fn family(self) -> &'static str {
        match self.site.spec() {
            Spec::Metric(d) => d.name,
            Spec::Function(_) => "",
        }
    }

    /// The position among the site's cells, if the site's slot determines the cells.
    #[inline]
    fn place(self) -> Option<Place> {
        self.cells.get().ok().map(|index| Place { site: self.site, index })
    }

    /// The part of the handle that a call keeps until its end.
    #[inline]
    pub(super) fn at(self) -> At {
        match self.cells.get() {
            Ok(_) => At::slot(self.assigned_slot()),
            Err(row) => At::row(row),
        }
    }

    /// The slot if it is known, with the mark of exemplars if the series keeps any. Any other value
    /// that this returns is above every limit.
    #[inline]
    pub(super) fn slot(self) -> u32 {
        match self.cells.get() {
            Ok(index) => self.site.load(Ordering::Relaxed).wrapping_add(index),
            Err(row) => row.load(),
        }
    }

    /// The slot without the mark of exemplars, if it is known.
    pub(super) fn cells_slot(self) -> u32 {
        cells_of(self.slot())
    }

    /// The slot; assigns it first if necessary.
    #[inline]
    pub(super) fn assigned_slot(self) -> u32 {
        if !ON {
            return DROPPED;
        }
        match self.slot() {
            slot @ ..UNASSIGNED => slot,
            slot => store::target(self.place(), slot, 0).0,
        }
    }

    /// Whether the cells hold the time at which the gauge was set.
    #[inline]
    pub(super) fn is_recent(self) -> bool {
        self.site.is_recent()
    }

    /// The slot without the mark of exemplars, once the cells of shard 0 from there to `last`
    /// further on are usable.
    #[inline]
    pub(super) fn shared_slot(self, last: u32) -> Option<u32> {
        if !ON {
            return None;
        }
        // With the mark it is above every limit.
        let slot = self.slot();
        if shard::shared(slot, last).is_some() { Some(slot) } else { self.shared_slot_cold(last) }
    }

    #[cold]
    #[inline(never)]
    fn shared_slot_cold(self, last: u32) -> Option<u32> {
        // Called for its side effect: it creates a segment and assigns a slot. It may also give
        // this thread a shard, which the thread will need anyway.
        let (slot, _) = store::target(self.place(), self.slot(), last);
        let slot = cells_of(slot);
        if shard::shared(slot, last).is_none() {
            if slot != GONE {
                store::note_dropped();
            }
            return None;
        }
        Some(slot)
    }

    /// Removes all other series of the family from this process.
    pub(super) fn keep_only_this(self) {
        let slot = self.assigned_slot();
        if ON && slot < UNASSIGNED {
            store::remove_others(self.site, cells_of(slot));
        }
    }

    /// Removes the series from this process; `false` for a series that always exists.
    pub(super) fn remove(self) -> bool {
        ON && self.cells.get().err().is_some_and(store::remove)
    }

    pub(super) fn is_removed(self) -> bool {
        self.slot() == GONE
    }

    /// Applies an operation to the series' cells.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the handles' methods")]
    pub(super) fn apply(self, operation: impl Operation) {
        operation::at(self.slot(), operation, || self.place());
    }

    /// Applies an operation, and keeps an exemplar of it.
    pub(super) fn apply_with_exemplar(self, operation: impl Operation, context: TraceContext) {
        // Without the mark: the source of traces is not asked.
        operation::at(self.cells_slot(), operation, || self.place());
        let slot = self.cells_slot();
        if ON && slot < UNASSIGNED {
            exemplar::keep_of(slot, operation, context);
        }
    }

    #[inline]
    pub(super) fn bounds(self) -> &'static [f64] {
        match self.site.spec() {
            Spec::Metric(d) => match d.bounds {
                Bounds::Float(bounds) => bounds,
                _ => &[],
            },
            Spec::Function(_) => &[],
        }
    }

    /// The schema of a native histogram.
    #[inline]
    pub(super) fn schema(self) -> Option<u8> {
        match self.site.spec() {
            Spec::Metric(d) if matches!(d.kind, Kind::NativeHistogram) => Some(d.schema),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self.site.spec() {
            Spec::Metric(d) => d.name,
            Spec::Function(_) => "",
        }
    }

    /// The states of a state set.
    pub(super) fn states(self) -> &'static [&'static str] {
        match self.site.spec() {
            Spec::Metric(d) => d.fan.map_or(&[], |(_, states)| states),
            Spec::Function(_) => &[],
        }
    }

    pub(super) fn debug(self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = self.cells_slot();
        let mut out = f.debug_struct(kind);
        out.field("name", &self.name());
        match slot {
            GONE => out.field("slot", &"removed"),
            DROPPED.. => out.field("slot", &"dropped"),
            UNASSIGNED.. => out.field("slot", &"unassigned"),
            slot => out.field("slot", &slot),
        };
        out.finish()
    }
}

/// A metric's handle: [`Counter`](crate::Counter), [`Gauge`](crate::Gauge),
/// [`Histogram`](crate::Histogram), [`Summary`](crate::Summary), [`Info`](crate::Info),
/// [`StateSet`](crate::StateSet). It is what a [`Family`](crate::dynamic::Family) may have members
/// of:
///
/// ```
/// use headcount::dynamic::{Family, Metric};
/// use headcount::{Counter, dynamic};
///
/// fn member<M: Metric>(family: Family<M>, value: &str) -> M {
///     family.with_label_values(&[value])
/// }
///
/// let sent = dynamic::counter("members_sent_total", "Sent.").labels(["to"]).register_family()?;
/// member::<Counter>(sent, "Oslo").inc();
/// assert_eq!(member(sent, "Oslo").get(), 1);
/// # Ok::<(), headcount::Error>(())
/// ```
///
/// # Safety
///
/// An implementor must be `#[repr(transparent)]` over `Raw`, which is private: other crates cannot
/// implement this trait.
#[diagnostic::on_unimplemented(
    message = "a metric is a `Counter`, `Gauge`, `Histogram`, `Summary`, `Info` or `StateSet`, not `{Self}`",
    label = "not a metric"
)]
pub unsafe trait Handle: Copy {
    /// The kind of metric that a site of this type records.
    #[doc(hidden)]
    const KIND: Kind;
    /// The states of a state set.
    #[doc(hidden)]
    const STATES: &'static [&'static str] = &[];
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Counter {
    const KIND: Kind = Kind::Counter;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Counter<f64> {
    const KIND: Kind = Kind::FloatCounter;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Info {
    const KIND: Kind = Kind::Info;
}

// SAFETY: transparent over `Raw`.
unsafe impl<T: LabelValue> Handle for StateSet<T> {
    const KIND: Kind = Kind::StateSet;
    const STATES: &'static [&'static str] = T::VALUES;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for StateSet<AnyState> {
    const KIND: Kind = Kind::StateSet;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Gauge {
    const KIND: Kind = Kind::Gauge;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Histogram {
    const KIND: Kind = Kind::Histogram;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Summary {
    const KIND: Kind = Kind::Summary;
}

/// The kind of metric that a site of this type records.
pub const fn kind_of<T: Handle>() -> Kind {
    T::KIND
}

/// The states of a state set; empty for every other handle.
pub const fn states_of<T: Handle>() -> &'static [&'static str] {
    T::STATES
}

/// Returns the handle of a family's series with these label values.
#[inline]
#[expect(clippy::needless_pass_by_value, reason = "a tuple of references, written in place")]
pub fn member<T: Handle>(site: &'static Site, values: impl Labels) -> T {
    from_raw(match site.closed_index(&values) {
        Some(index) => Raw::of_declared(site, index),
        None => Raw::of_row(site, site.look_up(&values)),
    })
}

/// Returns a handle that counts nowhere.
pub(crate) fn dead<T: Handle>(site: &'static Site) -> T {
    from_raw(Raw::of_row(site, &NEVER_ROW))
}

/// Returns the handle of a site. It is `const`, and has one name for every kind, so that a wrong
/// type causes one compile error.
pub const fn at<T: Handle>(site: &'static Site) -> T {
    from_raw(Raw::of_site(site))
}

const fn from_raw<T: Handle>(raw: Raw) -> T {
    union Both<T: Copy> {
        raw: Raw,
        handle: T,
    }
    // SAFETY: `T` is a transparent wrapper of `Raw`, by the trait's contract, so their bytes are
    // the same.
    unsafe { Both { raw }.handle }
}
