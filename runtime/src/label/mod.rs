//! Label values: from a user's types to the strings of a record, without allocating.

pub(crate) mod table;

use core::borrow::Borrow;
use core::fmt::{self, Write};
use std::borrow::Cow;

use crate::descriptor::Label;
use crate::outcome::Outcome;
use crate::segment::log::{OUTCOMES, cut, put_string};
use crate::store;

/// The longest label value, in bytes. A longer one is cut there, at the border of a character.
pub const MAX_LABEL_VALUE: usize = 1024;

/// What can be the value of a label.
///
/// For integers, `bool`, `char`, strings, and references to them. For a newtype, write it by hand:
///
/// ```
/// use headcount::{LabelValue, LabelWriter};
///
/// struct Tenant(String);
///
/// impl LabelValue for Tenant {
///     fn write_label(&self, out: &mut LabelWriter<'_>) {
///         out.push_str(&self.0);
///     }
/// }
/// # let mut text = String::new();
/// # headcount::LabelWriter::with(&mut text, |out| Tenant("acme".into()).write_label(out));
/// # assert_eq!(text, "acme");
/// ```
///
/// A value is read once, before the annotated function's body runs. Each distinct value is a series of its own in every
/// process, for ever: at most 1,000 of a family, after which the rest is counted in one series whose values
/// read `_other`. So take a label from what is few: a status, a queue, a tenant, not an address.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of a label",
    label = "not a label value",
    note = "integers, `bool`, `char` and strings can, and any type that implements `headcount::LabelValue`"
)]
pub trait LabelValue {
    /// All values of the type, where they are few and known: the label is then *closed*. Its series need no look-up, and all exist
    /// at 0 from the start. Empty for all other types.
    const VALUES: &'static [&'static str] = &[];

    /// The place of this value in [`VALUES`](Self::VALUES). Not asked where that is empty.
    fn index(&self) -> usize {
        0
    }

    /// Writes the value. What goes beyond 1,024 bytes is cut.
    fn write_label(&self, out: &mut LabelWriter<'_>);
}

/// Takes the text of one label value.
#[derive(Debug)]
pub struct LabelWriter<'a> {
    out: Out<'a>,
    left: usize,
    is_cut: bool,
}

#[derive(Debug)]
enum Out<'a> {
    Key(&'a mut Key),
    Text(&'a mut String),
}

impl LabelWriter<'_> {
    /// Adds to the value.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        let whole = text.len();
        let text = cut(text, self.left);
        self.left -= text.len();
        if text.len() < whole {
            // Whatever follows would not be the text's beginning any more.
            self.left = 0;
            self.is_cut = true;
        }
        match &mut self.out {
            Out::Key(key) => key.push(text.as_bytes()),
            Out::Text(out) => out.push_str(text),
        }
    }

    /// Runs `write` and appends what it wrote to `text`: for testing an implementation of [`LabelValue`].
    pub fn with(text: &mut String, write: impl FnOnce(&mut LabelWriter<'_>)) {
        write(&mut LabelWriter { out: Out::Text(text), left: MAX_LABEL_VALUE, is_cut: false });
    }
}

impl Write for LabelWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

impl LabelValue for str {
    #[inline]
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        out.push_str(self);
    }
}

impl LabelValue for String {
    #[inline]
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        out.push_str(self);
    }
}

impl<T: LabelValue + ToOwned + ?Sized> LabelValue for Cow<'_, T> {
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        let value: &T = match self {
            Cow::Borrowed(value) => value,
            Cow::Owned(value) => value.borrow(),
        };
        value.write_label(out);
    }
}

impl<T: LabelValue + ?Sized> LabelValue for &T {
    const VALUES: &'static [&'static str] = T::VALUES;

    #[inline]
    fn index(&self) -> usize {
        (**self).index()
    }

    #[inline]
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        (**self).write_label(out);
    }
}

impl<T: LabelValue + ?Sized> LabelValue for &mut T {
    const VALUES: &'static [&'static str] = T::VALUES;

    #[inline]
    fn index(&self) -> usize {
        (**self).index()
    }

    #[inline]
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        (**self).write_label(out);
    }
}

impl<T: LabelValue + ?Sized> LabelValue for Box<T> {
    const VALUES: &'static [&'static str] = T::VALUES;

    #[inline]
    fn index(&self) -> usize {
        (**self).index()
    }

    fn write_label(&self, out: &mut LabelWriter<'_>) {
        (**self).write_label(out);
    }
}

impl LabelValue for bool {
    const VALUES: &'static [&'static str] = &["false", "true"];

    #[inline]
    fn index(&self) -> usize {
        usize::from(*self)
    }

    fn write_label(&self, out: &mut LabelWriter<'_>) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl LabelValue for Outcome {
    const VALUES: &'static [&'static str] = &OUTCOMES;

    #[inline]
    fn index(&self) -> usize {
        *self as usize
    }

    fn write_label(&self, out: &mut LabelWriter<'_>) {
        out.push_str(self.as_str());
    }
}

macro_rules! displayed {
    ($($type:ty)*) => {$(
        impl LabelValue for $type {
            fn write_label(&self, out: &mut LabelWriter<'_>) {
                // Writing to a label can't fail.
                let _ = write!(out, "{self}");
            }
        }
    )*};
}

displayed!(char u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

/// Several label values as a record has them: length and bytes, one behind the other. Small ones stay on the stack.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    small: [u8; INLINE],
    used: usize,
    large: Vec<u8>,
}

const INLINE: usize = 128;

impl Key {
    pub(crate) fn new() -> Self {
        Self { small: [0; INLINE], used: 0, large: Vec::new() }
    }

    #[inline]
    pub(crate) fn value<V: LabelValue + ?Sized>(&mut self, value: &V) {
        let start = self.len();
        self.push(&[0, 0]);
        let mut writer = LabelWriter { out: Out::Key(self), left: MAX_LABEL_VALUE, is_cut: false };
        value.write_label(&mut writer);
        if writer.is_cut {
            store::note_cut_label_value();
        }
        let len = u16::try_from(self.len() - start - 2).unwrap_or(u16::MAX).to_le_bytes();
        let bytes = if self.large.is_empty() { &mut self.small[..] } else { &mut self.large[..] };
        if let Some(place) = bytes.get_mut(start..start + 2) {
            place.copy_from_slice(&len);
        }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        if self.large.is_empty() {
            if let Some(room) = self.small.get_mut(self.used..self.used + bytes.len()) {
                room.copy_from_slice(bytes);
                self.used += bytes.len();
                return;
            }
            self.large.extend_from_slice(&self.small[..self.used]);
        }
        self.large.extend_from_slice(bytes);
    }

    /// How many values it holds.
    pub(crate) fn count(&self) -> usize {
        parse(self.bytes()).len()
    }

    fn len(&self) -> usize {
        if self.large.is_empty() { self.used } else { self.large.len() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        if self.large.is_empty() { &self.small[..self.used] } else { &self.large }
    }
}

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
}

labels!(A);
labels!(A B);
labels!(A B C);
labels!(A B C D);
labels!(A B C D E);
labels!(A B C D E F);
labels!(A B C D E F G);
labels!(A B C D E F G H);

/// Strings as a record has them.
pub(crate) fn strings<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        put_string(&mut out, value);
    }
    out
}

/// The reverse of [`strings`]. What isn't such a list ends it.
pub(crate) fn parse(mut bytes: &[u8]) -> Vec<&str> {
    let mut values = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<2>() {
        let Some((value, rest)) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))
        else {
            break;
        };
        values.push(core::str::from_utf8(value).unwrap_or_default());
        bytes = rest;
    }
    values
}

/// The values of labels that are all closed: a set for each.
pub(crate) fn closed(labels: &'static [Label]) -> Vec<Vec<&'static str>> {
    let values = labels.iter().map(|label| match label {
        Label::Const(_, value) => vec![*value],
        Label::Of(_, values) => values.to_vec(),
        Label::Open(_) => vec![],
    });
    values.collect()
}

/// One set of values: the constant ones as declared, all others from `given`, in order.
pub(crate) fn single<'a>(labels: &'static [Label], given: &'a [u8]) -> Vec<Vec<&'a str>> {
    let mut given = parse(given).into_iter();
    let values = labels.iter().map(|label| match label {
        Label::Const(_, value) => vec![*value],
        Label::Open(_) | Label::Of(..) => vec![given.next().unwrap_or_default()],
    });
    values.collect()
}

/// `other` for each open label, and what was given for those that are closed beside it.
pub(crate) fn others(labels: &[Label], given: &[u8], other: &str) -> Vec<u8> {
    let given = parse(given).into_iter();
    let labels = labels.iter().filter(|label| !matches!(label, Label::Const(..)));
    strings(labels.zip(given).map(|(label, given)| if label.is_open() { other } else { given }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &impl LabelValue) -> String {
        let mut key = Key::new();
        key.value(value);
        parse(key.bytes())[0].to_owned()
    }

    #[test]
    fn values_read_as_their_types_are_written() {
        assert_eq!(text(&"a b"), "a b");
        assert_eq!(text(&-3_i64), "-3");
        assert_eq!(text(&true), "true");
        assert_eq!(text(&Cow::Borrowed("x")), "x");
        assert_eq!(text(&'ü'), "ü");
        assert_eq!(text(&""), "");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = "é".repeat(1000);
        assert_eq!(text(&long).len(), 1024);
        let odd = format!("a{long}");
        assert_eq!(text(&odd).len(), 1023);
    }

    #[test]
    fn a_key_moves_to_the_heap_whole() {
        for len in [0, 1, 120, 124, 125, 126, 127, 128, 200] {
            let (a, b) = ("x".repeat(len), "yz");
            let mut key = Key::new();
            (&a, b).write_to(&mut LabelKey(&mut key));
            assert_eq!(parse(key.bytes()), [a.as_str(), b], "{len}");
        }
    }

    #[test]
    fn constant_and_given_labels_keep_their_order() {
        const LABELS: &[Label] =
            &[Label::Open("a"), Label::Const("b", "two"), Label::Of("c", &["x", "three"])];
        let given = strings(["one", "three"]);
        assert_eq!(single(LABELS, &given), [["one"], ["two"], ["three"]]);
        assert_eq!(parse(&others(LABELS, &given, "_other")), ["_other", "three"]);
        assert_eq!(closed(&LABELS[1..]), [vec!["two"], vec!["x", "three"]]);
    }
}
