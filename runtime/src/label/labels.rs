//! The values of all labels of a series: found in the table, or written down.

use super::digest::Digest;
use super::strings::parse;
use super::writer::{Key, LabelWriter, Out};
use super::{LabelValue, MAX_LABEL_VALUE, ROWS};

/// References to the values of a site's labels that aren't constant, in order: what generated code passes to `Site::row`.
pub trait Labels {
    /// Whether all their types are closed.
    #[doc(hidden)]
    const CLOSED: bool;
    /// One for each value.
    #[doc(hidden)]
    type Digests: AsRef<[Digest]>;
    /// The same, if all values are short and at hand.
    #[doc(hidden)]
    fn briefs(&self) -> Option<Self::Digests>;
    /// The place of this combination among all, the last label fastest.
    #[doc(hidden)]
    fn index(&self) -> u32;
    #[doc(hidden)]
    fn write_to(&self, key: &mut LabelKey<'_>);
    #[doc(hidden)]
    fn digests(&self) -> Self::Digests;
    /// Whether these are the values that `given` holds, as a [`Key`] has them.
    #[doc(hidden)]
    fn are(&self, given: &[u8]) -> bool;
}

/// What tells a row of a family from all others.
pub(crate) struct Row {
    /// The site, by its address.
    site: usize,
    /// Those of the first values. Nothing but these is looked at where they say all.
    digests: [Digest; KEPT],
    values: Box<[u8]>,
}

/// Digests that a row keeps; families with more labels are few.
const KEPT: usize = 4;

impl Row {
    /// The row of a site with these values, and its hash.
    pub(crate) fn new(site: usize, values: &Key) -> (u64, Self) {
        let (all, mut digests) = ((&values).digests(), [Digest::default(); KEPT]);
        for (place, digest) in digests.iter_mut().zip(all.as_ref()) {
            *place = *digest;
        }
        (hash(site, all.as_ref()), Self { site, digests, values: values.bytes().into() })
    }

    /// Whose it is.
    pub(crate) fn site(&self) -> usize {
        self.site
    }

    /// Whether the site and the digests are these.
    #[inline]
    fn has(&self, site: usize, digests: &[Digest]) -> bool {
        // All together, and one branch.
        let mut differing = (self.site ^ site) as u64;
        for (own, digest) in self.digests.iter().zip(digests) {
            differing |= (own.low ^ digest.low) | (own.high ^ digest.high);
        }
        differing == 0
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.site == other.site && self.values == other.values
    }
}

/// A hash of label values. The seed is the site's address: a flood of values that collide ends at a family's cap on series.
#[inline]
fn hash(site: usize, digests: &[Digest]) -> u64 {
    digests.iter().fold(site as u64, |hash, digest| digest.mixed_into(hash))
}

/// The slot of the row of a site with these values, if it is known and the values are few and short. Waits for nobody.
///
/// It calls nothing, so that all of it stays in registers.
#[inline]
pub(crate) fn find_brief(site: usize, values: &impl Labels) -> Option<u32> {
    let digests = values.briefs()?;
    let digests = digests.as_ref();
    if digests.len() > KEPT {
        return None;
    }
    ROWS.find(hash(site, digests), |row| row.has(site, digests))
}

/// The slot of the row of a site with these values, if it is known. Waits for nobody.
pub(crate) fn find(site: usize, values: &impl Labels) -> Option<u32> {
    let digests = values.digests();
    let digests = digests.as_ref();
    ROWS.find(hash(site, digests), |row| row.has(site, digests) && values.are(&row.values))
}

/// Of a value of whatever length.
#[inline]
fn digest<V: LabelValue + ?Sized>(value: &V) -> Digest {
    match whole(value) {
        Some(text) => Digest::of(text),
        None => value.brief().unwrap_or_else(|| written(value)),
    }
}

#[inline(never)]
fn written<V: LabelValue + ?Sized>(value: &V) -> Digest {
    Digest::written(|out| value.write_label(out))
}

/// The text of a value, of which nothing would be cut, where it is at hand.
#[inline]
fn whole<V: LabelValue + ?Sized>(value: &V) -> Option<&[u8]> {
    value.text().map(str::as_bytes).filter(|text| text.len() <= MAX_LABEL_VALUE)
}

/// The first of `given` is `value`: what is behind it.
#[inline]
fn behind<'g, V: LabelValue + ?Sized>(value: &V, given: &'g [u8]) -> Option<&'g [u8]> {
    let (len, rest) = given.split_first_chunk::<2>()?;
    let (expected, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    let is_equal = match whole(value) {
        // In registers where they are short: a call would cost more.
        Some(text) if text.len() == expected.len() => match Digest::brief(text) {
            Some(short) => Digest::brief(expected) == Some(short),
            None => text == expected,
        },
        Some(_) => false,
        None => is_written(value, expected),
    };
    is_equal.then_some(rest)
}

#[inline(never)]
fn is_written<V: LabelValue + ?Sized>(value: &V, expected: &[u8]) -> bool {
    let mut writer = LabelWriter::new(Out::Compare(Some(expected)));
    value.write_label(&mut writer);
    matches!(writer.out, Out::Compare(Some([])))
}

/// Values that were written down already.
impl Labels for &Key {
    const CLOSED: bool = false;
    type Digests = Few;

    fn index(&self) -> u32 {
        0
    }

    fn write_to(&self, key: &mut LabelKey<'_>) {
        for value in parse(self.bytes()) {
            key.0.value(value);
        }
    }

    fn briefs(&self) -> Option<Few> {
        // What was written down may be long.
        None
    }

    fn digests(&self) -> Few {
        let mut few = Few { digests: [Digest::default(); MOST], count: 0 };
        for (place, value) in few.digests.iter_mut().zip(parse(self.bytes())) {
            *place = Digest::of(value.as_bytes());
            few.count += 1;
        }
        few
    }

    fn are(&self, given: &[u8]) -> bool {
        self.bytes() == given
    }
}

/// The digests of as many values as a site has.
#[derive(Debug)]
pub struct Few {
    digests: [Digest; MOST],
    count: usize,
}

/// Labels whose values aren't constant: those of one tuple. What generated code can't come to is told apart by its text.
const MOST: usize = 8;

impl AsRef<[Digest]> for Few {
    fn as_ref(&self) -> &[Digest] {
        self.digests.get(..self.count).unwrap_or_default()
    }
}

/// Hides [`Key`] from the public trait.
#[derive(Debug)]
pub struct LabelKey<'a>(pub(crate) &'a mut Key);

macro_rules! labels {
    ($count:literal: $($name:ident)*) => {
        impl<$($name: LabelValue + ?Sized),*> Labels for ($(&$name,)*) {
            const CLOSED: bool = true $(&& !$name::VALUES.is_empty())*;
            type Digests = [Digest; $count];

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

            fn write_to(&self, key: &mut LabelKey<'_>) {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                $(key.0.value(*$name);)*
            }

            #[inline]
            fn briefs(&self) -> Option<Self::Digests> {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                Some([$($name.brief()?),*])
            }

            #[inline]
            fn digests(&self) -> Self::Digests {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                [$(digest(*$name)),*]
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
    type Digests = [Digest; 0];

    #[inline]
    fn index(&self) -> u32 {
        0
    }

    fn write_to(&self, _: &mut LabelKey<'_>) {}

    #[inline]
    fn briefs(&self) -> Option<[Digest; 0]> {
        Some([])
    }

    fn digests(&self) -> [Digest; 0] {
        []
    }

    fn are(&self, given: &[u8]) -> bool {
        given.is_empty()
    }
}

labels!(1: A);
labels!(2: A B);
labels!(3: A B C);
labels!(4: A B C D);
labels!(5: A B C D E);
labels!(6: A B C D E F);
labels!(7: A B C D E F G);
labels!(8: A B C D E F G H);
