//! The types whose values can be values of a label.

use core::fmt::Write;
use core::marker::PhantomData;
use std::borrow::Cow;

use crate::model::outcome::{OUTCOMES, Outcome};

use super::digits::with_digits;
use super::{Digest, LabelWriter};

/// A type whose values can be values of a label.
///
/// It is implemented for integers, `bool`, `char`, strings, IP addresses, `Option` (`None` is no
/// label), references to them, and with the feature `http` for `http::Method` and
/// `http::StatusCode`. [`display`](crate::display) takes anything with `Display`.
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
///
/// assert_eq!(headcount::testing::label_of(&Tenant("acme".into())), "acme");
/// ```
///
/// A value is read before the annotated function's body runs, perhaps several times: first to find
/// its series, then to compare. Each distinct value is a series of its own in every process, until
/// it is removed. A family holds at most 1,000 of them per process; further values are counted in
/// one series whose open labels are `_other`. So choose labels that have few values: a status, a
/// queue, a tenant, not an address.
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

macro_rules! forwarded {
    ($($type:ty)*) => {$(
        impl<T: LabelValue + ?Sized> LabelValue for $type {
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
    )*};
}

forwarded!(&T &mut T Box<T>);

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
