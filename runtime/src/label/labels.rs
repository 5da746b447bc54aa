//! The values of all labels of a series: found in the table, or written down.

use core::hash::{BuildHasher, Hasher};

use foldhash::fast::{FixedState, FoldHasher};

use super::strings::parse;
use super::writer::{Key, LabelWriter, Out};
use super::{LabelValue, MAX_LABEL_VALUE};

/// References to the values of a site's labels that aren't constant, in order: what generated code passes to `Site::row`.
pub trait Labels {
    /// Whether all their types are closed.
    #[doc(hidden)]
    const CLOSED: bool;
    /// The place of this combination among all, the last label fastest.
    #[doc(hidden)]
    fn index(&self) -> u32;
    #[doc(hidden)]
    fn write_to(&self, key: &mut LabelKey<'_>);
    #[doc(hidden)]
    fn hash_into(&self, hasher: &mut LabelHasher);
    /// Whether these are the values that `given` holds, as a [`Key`] has them.
    #[doc(hidden)]
    fn are(&self, given: &[u8]) -> bool;
}

/// Hides the hasher from the public trait.
#[expect(missing_debug_implementations, reason = "the hasher has none")]
pub struct LabelHasher(FoldHasher<'static>);

impl LabelHasher {
    #[inline]
    fn value<V: LabelValue + ?Sized>(&mut self, value: &V) {
        value.with_label(|text| match short(text) {
            Some(text) => self.0.write(text),
            None => self.0 = hash_written(self.0.clone(), value),
        });
        // Where one value ends needs no mark: it would cost more than comparing, now and then, a row with the same bytes.
    }
}

/// A text of which nothing would be cut.
#[inline]
fn short(text: Option<&str>) -> Option<&[u8]> {
    text.map(str::as_bytes).filter(|text| text.len() <= MAX_LABEL_VALUE)
}

/// By value, so that a hasher that needs no writer stays in registers.
fn hash_written<V: LabelValue + ?Sized>(
    mut hasher: FoldHasher<'static>,
    value: &V,
) -> FoldHasher<'static> {
    value.write_label(&mut LabelWriter::new(Out::Hash(&mut hasher)));
    hasher
}

/// Whether they are equal; in place for short ones, as most values are: the call of `memcmp` would cost more than all else.
#[inline]
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The first and the last bytes together are all of them; in the middle they overlap.
    match a.len() {
        0 => true,
        1..4 => {
            let middle = a.len() / 2;
            a.first() == b.first() && a.get(middle) == b.get(middle) && a.last() == b.last()
        }
        4..8 => a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        _ => a == b,
    }
}

/// A hash of label values. The seed is fixed: a flood of values that collide ends at a family's cap on series.
#[inline]
pub(crate) fn hash(site: usize, values: &impl Labels) -> u64 {
    let mut hasher = LabelHasher(FixedState::with_seed(site as u64).build_hasher());
    values.hash_into(&mut hasher);
    hasher.0.finish()
}

/// The first of `given` is `value`: what is behind it.
#[inline]
fn behind<'g, V: LabelValue + ?Sized>(value: &V, given: &'g [u8]) -> Option<&'g [u8]> {
    let (len, rest) = given.split_first_chunk::<2>()?;
    let (expected, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    let is_equal = value.with_label(|text| match short(text) {
        Some(text) => are_equal(text, expected),
        None => is_written(value, expected),
    });
    is_equal.then_some(rest)
}

fn is_written<V: LabelValue + ?Sized>(value: &V, expected: &[u8]) -> bool {
    let mut writer = LabelWriter::new(Out::Compare(Some(expected)));
    value.write_label(&mut writer);
    matches!(writer.out, Out::Compare(Some([])))
}

/// Values that were written down already.
impl Labels for &Key {
    const CLOSED: bool = false;

    fn index(&self) -> u32 {
        0
    }

    fn write_to(&self, key: &mut LabelKey<'_>) {
        for value in parse(self.bytes()) {
            key.0.value(value);
        }
    }

    fn hash_into(&self, hasher: &mut LabelHasher) {
        for value in parse(self.bytes()) {
            hasher.value(value);
        }
    }

    fn are(&self, given: &[u8]) -> bool {
        self.bytes() == given
    }
}

/// Hides [`Key`] from the public trait.
#[derive(Debug)]
pub struct LabelKey<'a>(pub(crate) &'a mut Key);

macro_rules! labels {
    ($($name:ident)*) => {
        impl<$($name: LabelValue + ?Sized),*> Labels for ($(&$name,)*) {
            const CLOSED: bool = true $(&& !$name::VALUES.is_empty())*;

            #[inline]
            fn index(&self) -> u32 {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                let mut index = 0;
                $(
                    let count = $name::VALUES.len();
                    // The minimum: a hand-written `index` may be wrong, and must not reach into another series.
                    index = index * count + $name.index().min(count.saturating_sub(1));
                )*
                #[expect(clippy::cast_possible_truncation, reason = "below a family's product")]
                { index as u32 }
            }

            #[inline]
            fn write_to(&self, key: &mut LabelKey<'_>) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                $(key.0.value(*$name);)*
            }

            #[inline]
            fn hash_into(&self, hasher: &mut LabelHasher) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                $(hasher.value(*$name);)*
            }

            #[inline]
            fn are(&self, given: &[u8]) -> bool {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                let rest = Some(given);
                $(let rest = rest.and_then(|given| behind(*$name, given));)*
                rest.is_some_and(<[u8]>::is_empty)
            }
        }
    };
}

impl Labels for () {
    const CLOSED: bool = true;

    #[inline]
    fn index(&self) -> u32 {
        0
    }

    #[inline]
    fn write_to(&self, _: &mut LabelKey<'_>) {}

    #[inline]
    fn hash_into(&self, _: &mut LabelHasher) {}

    #[inline]
    fn are(&self, given: &[u8]) -> bool {
        given.is_empty()
    }
}

labels!(A);
labels!(A B);
labels!(A B C);
labels!(A B C D);
labels!(A B C D E);
labels!(A B C D E F);
labels!(A B C D E F G);
labels!(A B C D E F G H);
