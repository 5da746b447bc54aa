//! The values of all labels of a series: looked up in the table, or encoded as a key.

use crate::model::text::MAX_LABEL_VALUE_LEN;

use super::digest::{Digest, mixed};
use super::strings::parse;
use super::table::{Entry, RowSlot};
use super::writer::{Key, LabelWriter, Out};
use super::{LabelValue, ROWS};

/// References to the values of a site's labels that aren't constant, in order. Generated code
/// passes them to `Site::row`.
pub trait Labels {
    /// Whether the types of all values are closed.
    #[doc(hidden)]
    const CLOSED: bool;
    /// One digest for each value.
    #[doc(hidden)]
    type Digests: AsRef<[Digest]>;
    /// The digests, if all values are short and at hand.
    #[doc(hidden)]
    fn briefs(&self) -> Option<Self::Digests>;
    /// The texts of the values, if all are at hand.
    #[doc(hidden)]
    fn texts(&self) -> Option<impl Texts>;
    /// The index of this combination among all; the last label varies fastest.
    #[doc(hidden)]
    fn index(&self) -> u32;
    #[doc(hidden)]
    fn write_to(&self, key: &mut LabelKey<'_>);
    #[doc(hidden)]
    fn digests(&self) -> Self::Digests;
    /// Whether these values are equal to those in `given`, encoded as in a [`Key`].
    #[doc(hidden)]
    fn are(&self, given: &[u8]) -> bool;
}

/// The key of a row. The fields are in the order in which a lookup reads them.
#[repr(C)]
pub(crate) struct Row {
    /// The address of the site.
    site: usize,
    /// The lengths of the values: see [`lengths`].
    lengths: u64,
    /// The digests of the first values, without their lengths. If these and the lengths determine
    /// the values, nothing else is read.
    words: [(u64, u64); 2],
    values: &'static [u8],
    /// The digests of the next values, placed behind the fields that a lookup of two labels reads.
    more: [(u64, u64); KEPT - 2],
}

/// The number of digests in a row; few families have more labels.
const KEPT: usize = 4;

impl Row {
    /// The row of a site with these values, whose encoding is `kept`.
    pub(crate) fn entry(site: usize, values: &Key, kept: &'static [u8], slot: u32) -> Entry<Self> {
        let (all, mut words, mut more) = ((&values).digests(), [(0, 0); 2], [(0, 0); KEPT - 2]);
        let all = all.as_ref();
        for (place, digest) in words.iter_mut().chain(&mut more).zip(all) {
            *place = digest.words();
        }
        let lengths = lengths(all);
        let hash = hash(site, lengths, all.iter().copied().map(Digest::words));
        Entry::new(hash, Self { site, lengths, words, values: kept, more }, slot)
    }

    /// The length of the encoded values, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the site and the stored digests are equal to these.
    #[inline]
    fn has(&self, site: usize, lengths: u64, words: impl IntoIterator<Item = (u64, u64)>) -> bool {
        let kept = self.words.iter().chain(&self.more);
        let is_same = self.lengths == lengths && self.site == site;
        is_same && kept.zip(words).all(|(kept, words)| *kept == words)
    }
}

/// The lengths of values, each below 2^16, in one number. It is unique for up to four values; for
/// more it contains the lengths of the last four.
#[inline]
fn lengths(digests: &[Digest]) -> u64 {
    digests.iter().fold(0, |lengths, digest| lengths << 16 | digest.len)
}

/// A hash of label values. The seed is the site's address. An attack with colliding values is
/// bounded by the family's limit on series.
///
/// It is the upper half of what `mixed` makes. The lower bits of a product depend only on the lower
/// bits of its factors, and texts with the same beginning, whose last characters are in the upper
/// bits, mostly differ in no others: with some addresses, a probe among 1,000 routes took 83 steps.
#[inline]
pub(super) fn hash(site: usize, lengths: u64, words: impl IntoIterator<Item = (u64, u64)>) -> u32 {
    let seed = (site as u64).wrapping_add(lengths);
    (words.into_iter().fold(seed, mixed) >> 32) as u32
}

/// The row of a site with these values, if it is known and the values are few and short. Never
/// waits.
///
/// The digests are computed in place and passed in registers.
#[inline]
pub(crate) fn find_brief(site: usize, values: &impl Labels) -> Option<&'static RowSlot> {
    let digests = values.briefs()?;
    let digests = digests.as_ref();
    let lengths = lengths(digests);
    // Not inlined, because a family is used in many places.
    match digests {
        [a] => probe_1(site, lengths, a.words()),
        [a, b] => probe_2(site, lengths, a.words(), b.words()),
        [a, b, c] => probe_3(site, lengths, a.words(), b.words(), c.words()),
        [a, b, c, d] => probe_4(site, lengths, a.words(), b.words(), c.words(), d.words()),
        _ => None,
    }
}

/// The row of a site whose values are all short and have these digests. There are at most as many
/// as a row stores.
#[inline]
fn probe(site: usize, lengths: u64, words: &[(u64, u64)]) -> Option<&'static RowSlot> {
    let words = || words.iter().copied();
    let is = |row: &Row| row.has(site, lengths, words());
    ROWS.find(hash(site, lengths, words()), is)
}

/// The row of a site with these values, if it is known. Never waits.
pub(crate) fn find(site: usize, values: &impl Labels) -> Option<&'static RowSlot> {
    let digests = values.digests();
    let digests = digests.as_ref();
    let lengths = lengths(digests);
    let words = || digests.iter().copied().map(Digest::words);
    let is = |row: &Row| row.has(site, lengths, words()) && values.are(row.values);
    ROWS.find(hash(site, lengths, words()), is)
}

/// The digest of a value of any length.
#[inline]
fn digest<V: LabelValue + ?Sized>(value: &V) -> Digest {
    match whole(value) {
        Some(text) => Digest::of(text),
        None => value.__brief().unwrap_or_else(|| written(value)),
    }
}

#[inline(never)]
fn written<V: LabelValue + ?Sized>(value: &V) -> Digest {
    Digest::written(|out| value.write_label(out))
}

/// The text of a value, if it is at hand and would not be truncated.
#[inline]
fn whole<V: LabelValue + ?Sized>(value: &V) -> Option<&[u8]> {
    value.__text().map(str::as_bytes).filter(|text| text.len() <= MAX_LABEL_VALUE_LEN)
}

/// Compares short texts in registers, because a call would cost more.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match Digest::brief(a) {
        Some(short) => Digest::brief(b) == Some(short),
        None if a.len() <= 32 => {
            let (begins, ends) = (a.first_chunk::<16>(), a.last_chunk::<16>());
            begins == b.first_chunk() && ends == b.last_chunk()
        }
        None => a == b,
    }
}

/// If the first value in `given` is `value`, the rest of `given`.
#[inline]
fn behind<'g, V: LabelValue + ?Sized>(value: &V, given: &'g [u8]) -> Option<&'g [u8]> {
    let (len, rest) = given.split_first_chunk::<2>()?;
    let (expected, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    let is_equal = match whole(value) {
        Some(text) => is_same(text, expected),
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

/// Values that were already encoded.
impl Labels for &Key {
    const CLOSED: bool = false;
    type Digests = Few;

    fn texts(&self) -> Option<impl Texts> {
        None::<[&str; 0]>
    }

    fn index(&self) -> u32 {
        0
    }

    fn write_to(&self, key: &mut LabelKey<'_>) {
        for value in parse(self.bytes()) {
            key.0.value(value);
        }
    }

    fn briefs(&self) -> Option<Few> {
        // Encoded values may be long.
        None
    }

    fn digests(&self) -> Few {
        Few::of(parse(self.bytes()).map(|value| Digest::of(value.as_bytes())))
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

/// The maximum number of labels whose values aren't constant: those of one tuple. Of longer lists,
/// which run-time declarations may have, the further texts are compared only.
const MOST: usize = 8;

impl Few {
    fn of(all: impl Iterator<Item = Digest>) -> Self {
        let mut few = Self { digests: [Digest::default(); MOST], count: 0 };
        for (place, digest) in few.digests.iter_mut().zip(all) {
            *place = digest;
            few.count += 1;
        }
        few
    }
}

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
            fn texts(&self) -> Option<impl Texts> {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                Some([$($name.__text()?),*])
            }

            #[inline]
            fn index(&self) -> u32 {
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let ($($name,)*) = self;
                let mut index = 0;
                $(
                    let count = $name::VALUES.len();
                    // The minimum with the last index: a hand-written `index` may be wrong, and
                    // must not reach into another series.
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
                Some([$($name.__brief()?),*])
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

/// Values that are all texts, whatever their types. Code for them is compiled once for all
/// families.
pub trait Texts: Labels + Copy {
    /// The row of a site with these values, if it is known and the values are few and short. Never
    /// waits.
    #[doc(hidden)]
    fn find_brief(self, site: usize) -> Option<&'static RowSlot>;
}

impl<const N: usize> Labels for [&str; N] {
    const CLOSED: bool = false;
    type Digests = [Digest; N];

    fn texts(&self) -> Option<impl Texts> {
        Some(*self)
    }

    fn index(&self) -> u32 {
        0
    }

    fn write_to(&self, key: &mut LabelKey<'_>) {
        for text in self {
            key.0.value(*text);
        }
    }

    fn briefs(&self) -> Option<[Digest; N]> {
        None
    }

    fn digests(&self) -> [Digest; N] {
        // Word by word: the values were just written in this size, and a load of another size would
        // wait until the stores are in the cache.
        core::array::from_fn(|at| self.get(at).map_or_else(Digest::default, |text| digest(*text)))
    }

    fn are(&self, given: &[u8]) -> bool {
        let rest = self.iter().try_fold(given, |given, text| behind(*text, given));
        rest.is_some_and(<[u8]>::is_empty)
    }
}

impl<const N: usize> Texts for [&str; N] {
    #[inline]
    fn find_brief(self, site: usize) -> Option<&'static RowSlot> {
        // The texts are passed in registers and stay there.
        match *self.as_slice() {
            [a] => find_1(site, a),
            [a, b] => find_2(site, a, b),
            [a, b, c] => find_3(site, a, b, c),
            [a, b, c, d] => find_4(site, a, b, c, d),
            _ => None,
        }
    }
}

// The caller keeps the texts in case the values are new. These functions don't keep them, and use
// only registers that need not be saved.
macro_rules! in_registers {
    ($($find:ident $probe:ident: $($text:ident)*;)*) => {$(
        #[inline(never)]
        fn $find(site: usize, $($text: &str),*) -> Option<&'static RowSlot> {
            let digests = [$(Digest::brief($text.as_bytes())?),*];
            probe(site, lengths(&digests), &digests.map(Digest::words))
        }

        #[inline(never)]
        fn $probe(
            site: usize,
            lengths: u64,
            $($text: (u64, u64)),*
        ) -> Option<&'static RowSlot> {
            probe(site, lengths, &[$($text),*])
        }
    )*};
}

in_registers! {
    find_1 probe_1: a;
    find_2 probe_2: a b;
    find_3 probe_3: a b c;
    find_4 probe_4: a b c d;
}

/// Texts whose number is known only at run time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice<'a>(pub(crate) &'a [&'a str]);

impl Labels for Slice<'_> {
    const CLOSED: bool = false;
    type Digests = Few;

    fn texts(&self) -> Option<impl Texts> {
        None::<[&str; 0]>
    }

    fn index(&self) -> u32 {
        0
    }

    fn write_to(&self, key: &mut LabelKey<'_>) {
        for text in self.0 {
            key.0.value(*text);
        }
    }

    fn briefs(&self) -> Option<Few> {
        None
    }

    fn digests(&self) -> Few {
        Few::of(self.0.iter().map(|text| digest(*text)))
    }

    fn are(&self, given: &[u8]) -> bool {
        let rest = self.0.iter().try_fold(given, |given, text| behind(*text, given));
        rest.is_some_and(<[u8]>::is_empty)
    }
}

impl Labels for () {
    const CLOSED: bool = true;
    type Digests = [Digest; 0];

    fn texts(&self) -> Option<impl Texts> {
        None::<[&str; 0]>
    }

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
