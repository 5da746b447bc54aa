//! The buckets of functions that are timed without a name, which a program may choose.
//!
//! The functions of all crates share one family, so the program declares its buckets once, and the
//! linker brings the declaration to where the family is registered. A function's cells are compiled
//! in with space for the default buckets. So there can be no more, and the bounds, which are not
//! compiled in, stand in a table. The cells of a native histogram have space there as well, up to
//! schema 3.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::OnceLock;

use crate::model::cells::{CellLayout, durations_width};
use crate::model::cold_sort::sort_by_key;
use crate::model::kind::Kind;

use super::descriptor::{Bounds, DEFAULT_NANOS, Descriptor};
use super::registry::shared_family;

/// The maximum number of bounds.
const MOST: usize = DEFAULT_NANOS.len();
/// The maximum number of buckets.
#[expect(clippy::cast_possible_truncation, reason = "fifteen")]
pub(crate) const MOST_BUCKETS: u32 = MOST as u32 + 1;

/// The bounds of functions that are timed without a name; `inventory` collects these.
#[derive(Debug)]
pub struct FunctionDurations {
    bounds: &'static [u64],
    /// The schema of native histograms.
    native: Option<u8>,
    file: &'static str,
    line: u32,
}

inventory::collect!(FunctionDurations);

impl FunctionDurations {
    /// These bounds, made with [`nanos`](super::descriptor::nanos).
    ///
    /// # Panics
    ///
    /// Panics if there are more than the default ones; in a constant, that is a compile error.
    #[track_caller]
    pub const fn new(bounds: &'static [u64], file: &'static str, line: u32) -> Self {
        assert!(bounds.len() <= MOST, "at most 14 buckets, as many as there are by default");
        Self { bounds, native: None, file, line }
    }

    /// Native histograms of this schema.
    ///
    /// # Panics
    ///
    /// Panics if the cells of a function have no room for it; in a constant, that is a compile
    /// error.
    #[track_caller]
    pub const fn native(schema: u8, file: &'static str, line: u32) -> Self {
        assert!(
            schema <= MOST_SCHEMA,
            "the schema of what all functions share is 0 to 3: a function of its own, with a name, \
             may have 5"
        );
        Self { bounds: &[], native: Some(schema), file, line }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// The finest schema for whose histograms there is space.
const MOST_SCHEMA: u8 = 3;
const _: () = {
    #[expect(clippy::cast_possible_truncation, reason = "fourteen")]
    let space = durations_width(MOST as u32);
    assert!(CellLayout::NanosNative.width(None, 0, MOST_SCHEMA) <= space);
};

/// The bounds in force. Behind the last one, none: a value is never greater.
///
/// They change once at most, in [`choose`], before any thread has cells to count in. A thread gets
/// its cells under the store's mutex, and so after it.
static TABLE: [AtomicU64; MOST] = {
    let mut table = [const { AtomicU64::new(u64::MAX) }; MOST];
    let mut i = 0;
    while i < MOST {
        table[i] = AtomicU64::new(DEFAULT_NANOS[i]);
        i += 1;
    }
    table
};

/// The schema of native histograms, or this. It changes as the table does.
static NATIVE: AtomicU8 = AtomicU8::new(CLASSIC);
const CLASSIC: u8 = u8::MAX;

/// The declaration in force. It is set under the store's mutex, so no fork finds it half set, and a
/// child made without fork handlers, which may, does not set it: the mutex is lost to it as well.
/// It is read by `get`, which never waits.
static CHOSEN: OnceLock<Option<&'static FunctionDurations>> = OnceLock::new();

/// All declarations, by their places.
fn all() -> Vec<&'static FunctionDurations> {
    let mut all: Vec<_> = inventory::iter::<FunctionDurations>.into_iter().collect();
    sort_by_key(&mut all, |declared| (declared.file, declared.line));
    all
}

/// Puts the program's bounds in force. A declaration that a library brings later is not.
pub(crate) fn choose() {
    CHOSEN.get_or_init(|| {
        let chosen = all().first().copied();
        if let Some(chosen) = chosen {
            let bounds = chosen.bounds.iter().copied().chain(core::iter::repeat(u64::MAX));
            for (place, bound) in TABLE.iter().zip(bounds) {
                place.store(bound, Ordering::Relaxed);
            }
            if let Some(schema) = chosen.native {
                // The first bucket of a classic histogram is where a native one has the zeros, and
                // there is no other duration up to this bound.
                TABLE[0].store(0, Ordering::Relaxed);
                NATIVE.store(schema, Ordering::Relaxed);
            }
        }
        chosen
    });
}

/// The family that attributes without a name share, with the program's bounds.
pub(crate) fn function_family(kind: Kind) -> Descriptor {
    let mut family = shared_family(kind);
    if kind == Kind::Durations {
        let chosen = CHOSEN.get().copied().unwrap_or_else(|| all().first().copied());
        if let Some(chosen) = chosen {
            family = match chosen.native {
                Some(schema) => family.native(schema),
                None => Descriptor { bounds: Bounds::Nanos(chosen.bounds), ..family },
            };
        }
    }
    family
}

/// A message if there are several declarations.
pub(crate) fn conflict() -> Option<String> {
    let all = all();
    let first = all.first()?;
    let other =
        all.iter().find(|other| (other.bounds, other.native) != (first.bounds, first.native))?;
    let (first, other) = (first.place(), other.place());
    let what = "functions that are timed without a name have one set of buckets, and";
    Some(format!("{what} `function_durations!` declares two: at {first} and at {other}"))
}

/// The bucket of a duration, or the schema if histograms are native.
///
/// The search stands where the call is timed: a call to it, however rare, makes its caller save
/// registers each time.
#[inline]
pub(crate) fn bucket(nanos: u64) -> Result<u32, u8> {
    if nanos <= first().load(Ordering::Relaxed) { Ok(0) } else { bucket_above(nanos) }
}

/// The bound of the first bucket, which is compared with before the search.
#[inline(always)]
#[expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]
pub(crate) fn first() -> &'static AtomicU64 {
    &TABLE[0]
}

/// As [`bucket`], of a duration above the first bound.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "fourteen at most")]
pub(crate) fn bucket_above(nanos: u64) -> Result<u32, u8> {
    match NATIVE.load(Ordering::Relaxed) {
        CLASSIC => Ok(TABLE.partition_point(|bound| bound.load(Ordering::Relaxed) < nanos) as u32),
        schema => Err(schema),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_that_is_no_longer_than_a_bound_is_in_its_bucket() {
        for (bound, number) in DEFAULT_NANOS.iter().zip(0..) {
            assert_eq!((bucket(*bound), bucket(bound + 1)), (Ok(number), Ok(number + 1)));
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (Ok(0), Ok(14)));
    }
}
