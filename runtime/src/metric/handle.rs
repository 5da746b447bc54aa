//! What all handles are, and how generated code makes one.
#![expect(unsafe_code, reason = "a generic constructor that is const")]

use core::fmt;
use core::sync::atomic::Ordering;

use crate::descriptor::{Bounds, Kind};
use crate::registry::{DROPPED, Site, Spec, UNASSIGNED};

use super::{Counter, Gauge, Histogram};

/// What every handle consists of.
#[derive(Clone, Copy)]
pub(super) struct Raw {
    pub(super) site: &'static Site,
}

impl Raw {
    /// The slot as far as it is known; what is not a slot is above every limit.
    #[inline]
    pub(super) fn slot(self) -> u32 {
        self.site.load(Ordering::Relaxed)
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

    pub(super) fn name(self) -> &'static str {
        match self.site.spec() {
            Spec::Metric(d) => d.name,
            Spec::Function(_) => "",
        }
    }

    pub(super) fn debug(self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = self.slot();
        let mut out = f.debug_struct(kind);
        out.field("name", &self.name());
        match slot {
            DROPPED.. => out.field("slot", &"dropped"),
            UNASSIGNED.. => out.field("slot", &"unassigned"),
            slot => out.field("slot", &slot),
        };
        out.finish()
    }
}

/// A metric's handle: [`Counter`](crate::Counter), [`Gauge`](crate::Gauge), [`Histogram`](crate::Histogram).
///
/// # Safety
///
/// An implementor is `#[repr(transparent)]` over `Raw`, which is private: there are no others.
#[diagnostic::on_unimplemented(
    message = "a metric is a `Counter`, a `Gauge` or a `Histogram`, not `{Self}`",
    label = "not a metric"
)]
pub unsafe trait Handle: Copy {
    /// What a site of this type records.
    #[doc(hidden)]
    const KIND: Kind;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Counter {
    const KIND: Kind = Kind::Counter;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Gauge {
    const KIND: Kind = Kind::Gauge;
}

// SAFETY: transparent over `Raw`.
unsafe impl Handle for Histogram {
    const KIND: Kind = Kind::Histogram;
}

/// What a site of this type records.
pub const fn kind_of<T: Handle>() -> Kind {
    T::KIND
}

/// The handle of a site. In `const`, and for every kind by the same name, so that a wrong type is one error.
pub const fn at<T: Handle>(site: &'static Site) -> T {
    union Both<T: Copy> {
        raw: Raw,
        handle: T,
    }
    let raw = Raw { site };
    // SAFETY: `T` is a transparent wrapper of `Raw`, by the trait's contract, so their bytes are the same.
    unsafe { Both { raw }.handle }
}
