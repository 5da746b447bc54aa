//! Label values: from a user's types to the strings of a record, without allocating.

pub(crate) mod arena;
mod at;
mod digest;
mod labels;
mod strings;
pub(crate) mod table;
mod writer;

// The atomics of the table. A model in another crate substitutes its own.
use core::sync;

use core::fmt::Write;
use core::marker::PhantomData;
use std::borrow::Cow;

use crate::model::outcome::{OUTCOMES, Outcome};

pub use at::{At, DROPPED};
pub(crate) use at::{Cells, DROPPED_ROW, NEVER_ROW};
pub(crate) use digest::Digest;
pub use labels::Labels;
pub(crate) use labels::{LabelKey, Row, Slice, Texts, find, find_brief};
pub(crate) use strings::{closed, single};
#[expect(unreachable_pub, reason = "in the signature of a hidden trait")]
pub use table::RowSlot;
pub(crate) use table::{Entry, GONE};
pub(crate) use writer::Key;
pub use writer::LabelWriter;

const SMALLEST_TABLE: usize = 256;

/// Maps label values to slots, for all families with open labels.
pub(crate) static ROWS: table::Rows<Row> =
    table::Rows::new(sync::atomic::AtomicPtr::new(core::ptr::null_mut()));

/// A type whose values can be values of a label.
///
/// It is implemented for integers, `bool`, `char`, strings, and references to them.
/// `#[derive(LabelValue)]` implements it for enums, and for structs around one value. It can also
/// be implemented by hand:
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
/// A value is read once, before the annotated function's body runs. Each distinct value is a series
/// of its own in every process, until it is removed. A family holds at most 1,000 of them per
/// process; further values are counted in one series whose label values are `_other`. So choose
/// labels that have few values: a status, a queue, a tenant, not an address.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of a label",
    label = "not a label value",
    note = "integers, `bool`, `char` and strings can, and any type that implements `headcount::LabelValue`"
)]
pub trait LabelValue {
    /// All values of the type, if they are few and known: the label is then *closed*. Its series
    /// need no lookup, and all exist at 0 from the start. Empty for every other type.
    const VALUES: &'static [&'static str] = &[];

    /// The index of this value in [`VALUES`](Self::VALUES). It is not called if that is empty.
    fn index(&self) -> usize {
        0
    }

    /// Writes the value. It is cut at 1,024 bytes.
    fn write_label(&self, out: &mut LabelWriter<'_>);

    /// The text that `write_label` writes, if it is at hand: a lookup then needs no writer.
    #[doc(hidden)]
    #[inline]
    fn __text(&self) -> Option<&str> {
        // Reached for a closed label beside an open one. All other types have to write the text.
        if Self::VALUES.is_empty() { None } else { Self::VALUES.get(self.index()).copied() }
    }

    /// The digest of that text, if it is short and at hand.
    #[doc(hidden)]
    #[inline]
    fn __brief(&self) -> Option<Digest> {
        Digest::brief(self.__text()?.as_bytes())
    }
}

/// All values of a label's type. It has none for a type that can't be a label; the error is
/// reported where the value is used.
#[derive(Debug)]
pub struct Values<T: ?Sized>(PhantomData<T>);

impl<T: LabelValue + ?Sized> Values<T> {
    /// The values of the type.
    pub const ALL: &'static [&'static str] = T::VALUES;
}

/// Chosen for types that are not label values.
pub trait NoValues {
    /// None.
    const ALL: &'static [&'static str] = &[];
}

impl<T: ?Sized> NoValues for Values<T> {}

impl LabelValue for str {
    #[inline]
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        out.push_str(self);
    }

    #[inline]
    fn __text(&self) -> Option<&str> {
        Some(self)
    }
}

impl LabelValue for String {
    #[inline]
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        out.push_str(self);
    }

    #[inline]
    fn __text(&self) -> Option<&str> {
        Some(self)
    }
}

impl<T: LabelValue + ToOwned + ?Sized> LabelValue for Cow<'_, T> {
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        (**self).write_label(out);
    }

    #[inline]
    fn __text(&self) -> Option<&str> {
        (**self).__text()
    }

    #[inline]
    fn __brief(&self) -> Option<Digest> {
        (**self).__brief()
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

    #[inline]
    fn __text(&self) -> Option<&str> {
        (**self).__text()
    }

    #[inline]
    fn __brief(&self) -> Option<Digest> {
        (**self).__brief()
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

    #[inline]
    fn __text(&self) -> Option<&str> {
        (**self).__text()
    }

    #[inline]
    fn __brief(&self) -> Option<Digest> {
        (**self).__brief()
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

    #[inline]
    fn __text(&self) -> Option<&str> {
        (**self).__text()
    }

    #[inline]
    fn __brief(&self) -> Option<Digest> {
        (**self).__brief()
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
                // Writing to a label cannot fail.
                let _ = write!(out, "{self}");
            }
        }
    )*};
}

displayed!(char u128 i128);

/// Passes a number's text to `take`. It avoids `core::fmt`, because numbers such as statuses are
/// the most common labels.
fn with_digits<R>(is_negative: bool, mut number: u64, take: impl FnOnce(&str) -> R) -> R {
    // The longest: `u64::MAX`, and `i64::MIN` with its sign.
    let mut text = [b'0'; 20];
    let mut from = text.len();
    for place in text.iter_mut().rev() {
        let digit = (number % 10) as u8;
        *place = b'0' + digit;
        number /= 10;
        from -= 1;
        if number == 0 {
            break;
        }
    }
    if is_negative {
        from = from.saturating_sub(1);
        if let Some(place) = text.get_mut(from) {
            *place = b'-';
        }
    }
    take(text.get(from..).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default())
}

macro_rules! numbers {
    ($($type:ty, $is_negative:expr, $magnitude:expr;)*) => {$(
        impl LabelValue for $type {
            fn write_label(&self, out: &mut LabelWriter<'_>) {
                with_digits($is_negative(*self), $magnitude(*self), |text| out.push_str(text));
            }

            #[inline]
            fn __brief(&self) -> Option<Digest> {
                Digest::of_number($is_negative(*self), $magnitude(*self))
            }
        }
    )*};
}

numbers! {
    u8, |_| false, u64::from;
    u16, |_| false, u64::from;
    u32, |_| false, u64::from;
    u64, |_| false, u64::from;
    usize, |_| false, |n| n as u64;
    i8, |n| n < 0, |n: i8| u64::from(n.unsigned_abs());
    i16, |n| n < 0, |n: i16| u64::from(n.unsigned_abs());
    i32, |n| n < 0, |n: i32| u64::from(n.unsigned_abs());
    i64, |n| n < 0, i64::unsigned_abs;
    isize, |n| n < 0, |n: isize| n.unsigned_abs() as u64;
}

#[cfg(test)]
mod tests {
    use super::strings::{parse, strings};
    use super::*;
    use crate::declare::descriptor::Label;

    fn text(value: &impl LabelValue) -> String {
        let mut key = Key::new();
        key.value(value);
        parse(key.bytes()).next().unwrap().to_owned()
    }

    #[test]
    fn values_read_as_their_types_are_written() {
        assert_eq!(text(&"a b"), "a b");
        assert_eq!(text(&-3_i64), "-3");
        assert_eq!(text(&0_u8), "0");
        assert_eq!(text(&i8::MIN), "-128");
        assert_eq!(text(&u64::MAX), u64::MAX.to_string());
        assert_eq!(text(&i64::MIN), i64::MIN.to_string());
        assert_eq!(text(&u128::MAX), u128::MAX.to_string());
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
    fn values_are_found_equal_only_to_themselves() {
        let mut key = Key::new();
        (&"ab", &7_u8).write_to(&mut LabelKey(&mut key));
        let given = key.bytes();
        assert!((&"ab", &7_u8).are(given) && (&String::from("ab"), &"7").are(given));
        assert!(!(&"a", &7_u8).are(given) && !(&"abc", &7_u8).are(given));
        assert!(!(&"ab", &77_u8).are(given) && !(&"ab", &"").are(given));
        assert!(!(&"ab",).are(given) && !(&"ab", &7_u8, &"").are(given));
        assert!(!(&"ab7", &"").are(given));
        assert_eq!((&"ab", &7_u8).digests().as_ref(), (&key).digests().as_ref());
        assert!((&"ab", &7_u8).briefs().is_some_and(|briefs| briefs == (&"ab", &7_u8).digests()));
    }

    /// A value that writes its text in pieces, as a user's type may.
    struct InPieces(String);

    impl LabelValue for InPieces {
        fn write_label(&self, out: &mut LabelWriter<'_>) {
            let (before, behind) = self.0.split_at(self.0.len() / 2);
            out.push_str(before);
            out.push_str(behind);
        }
    }

    #[test]
    fn values_of_every_length_are_told_from_those_that_differ_anywhere() {
        for len in (0..40).chain([1023, 1024, 1025]) {
            let value = "a".repeat(len);
            let mut key = Key::new();
            (&value,).write_to(&mut LabelKey(&mut key));
            assert!((&value,).are(key.bytes()), "{len}");
            assert!((&InPieces(value.clone()),).are(key.bytes()), "{len}");
            // Bytes beyond 1,024 are ignored.
            let step = if cfg!(miri) && len > 40 { 97 } else { 1 };
            for place in (0..len.min(1024)).step_by(step) {
                let mut other = value.clone();
                other.replace_range(place..=place, "b");
                assert!(!(&other,).are(key.bytes()), "{len}, {place}");
                assert_ne!((&value,).digests(), (&other,).digests(), "{len}, {place}");
            }
        }
    }

    #[test]
    fn a_key_moves_to_the_heap_whole() {
        for len in [0, 1, 120, 124, 125, 126, 127, 128, 200] {
            let (a, b) = ("x".repeat(len), "yz");
            let mut key = Key::new();
            (&a, b).write_to(&mut LabelKey(&mut key));
            assert!(parse(key.bytes()).eq([a.as_str(), b]), "{len}");
        }
    }

    #[test]
    fn constant_and_given_labels_keep_their_order() {
        const LABELS: &[Label] =
            &[Label::Open("a"), Label::Const("b", "two"), Label::Of("c", &["x", "three"])];
        let given = strings(["one", "three"]);
        assert_eq!(single(LABELS, &given), [["one"], ["two"], ["three"]]);
        assert!(parse(Key::of(&given).others(LABELS).bytes()).eq(["_other", "three"]));
        assert_eq!(closed(&LABELS[1..]), [vec!["two"], vec!["x", "three"]]);
    }

    #[test]
    fn rows_are_found_again_after_the_table_grew_and_others_went() {
        static ROWS: table::Rows<(u32, u32)> =
            table::Rows::new(sync::atomic::AtomicPtr::new(core::ptr::null_mut()));
        let rows = &ROWS;
        let count: u32 = if cfg!(miri) { 100 } else { 1000 };
        // A quarter of the hashes are equal.
        let hash = |i: u32| i / 4;
        let find =
            |i: u32, site: u32| rows.find(hash(i), |key| *key == (site, i)).map(RowSlot::load);
        let insert = |i: u32, site: u32, slot: u32| {
            let entry = Box::leak(Box::new(Entry::new(hash(i), (site, i), slot)));
            rows.insert(entry);
            &*entry
        };
        let mut entries = Vec::new();
        for i in 0..count {
            for site in [1, 2] {
                assert_eq!(find(i, site), None);
                entries.push(insert(i, site, i * 10 + site));
            }
        }
        for i in 0..count {
            assert_eq!(find(i, 1), Some(i * 10 + 1));
            assert_eq!(find(i, 2), Some(i * 10 + 2));
            assert_eq!(find(i, 3), None);
        }
        let kept = rows.find(hash(50), |key| *key == (1, 50)).unwrap();
        // Every third, so that those behind them move.
        let (gone, there): (Vec<_>, Vec<_>) =
            entries.into_iter().enumerate().partition(|(number, _)| number % 3 == 1);
        for (_, entry) in &gone {
            rows.remove(entry);
        }
        assert!(gone.iter().all(|(_, entry)| find(entry.key.1, entry.key.0).is_none()));
        for (_, entry) in &there {
            let (site, i) = entry.key;
            assert_eq!(find(i, site), Some(i * 10 + site));
        }
        assert_eq!(kept.load(), GONE, "number 100 is gone");
        insert(50, 1, 7);
        assert_eq!(find(50, 1), Some(7));
        assert_eq!(kept.load(), GONE, "whoever kept it has not got the new one");
    }
}
