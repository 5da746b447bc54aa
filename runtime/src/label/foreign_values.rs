//! Types of other crates, and of the standard library, as values of a label.

use core::fmt::{self, Display, Write};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Digest, LabelValue, LabelWriter};

/// `None` is the empty value, which is the same as no label: the series has the family's other
/// labels only. The label is open, even if the type has few values.
impl<T: LabelValue> LabelValue for Option<T> {
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        if let Some(value) = self {
            value.write_label(out);
        }
    }

    #[inline]
    fn __text(&self) -> Option<&str> {
        self.as_ref().map_or(Some(""), T::__text)
    }

    #[inline]
    fn __brief(&self) -> Option<Digest> {
        self.as_ref().map_or_else(|| Digest::brief(&[]), T::__brief)
    }
}

/// A value with `Display` as the value of a label: see [`display`].
///
/// ```
/// let version = headcount::display(format_args!("{}.{}", 1, 4));
/// assert_eq!(headcount::testing::label_of(&version), "1.4");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DisplayValue<T>(T);

/// Makes a label value of anything that can be displayed.
///
/// The text is written at each call, which costs more than a string that is at hand, and it should
/// have few values: see [`LabelValue`].
///
/// # Examples
///
/// ```
/// use headcount::{Counter, DisplayValue, display, metric};
///
/// /// Visits by version.
/// #[metric(name = "visits_by_version_total")]
/// fn visits(version: DisplayValue<Version>) -> Counter;
///
/// # struct Version(u8, u8);
/// # impl std::fmt::Display for Version {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
/// #         write!(f, "{}.{}", self.0, self.1)
/// #     }
/// # }
///
/// visits(display(Version(1, 4))).inc();
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("visits_by_version_total{version=\"1.4\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn display<T: Display>(value: T) -> DisplayValue<T> {
    DisplayValue(value)
}

impl<T: Display> Display for DisplayValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Display> LabelValue for DisplayValue<T> {
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        written(out, self);
    }
}

macro_rules! addresses {
    ($($type:ty)*) => {$(
        impl LabelValue for $type {
            fn write_label(&self, out: &mut LabelWriter<'_>) {
                written(out, self);
            }
        }
    )*};
}

addresses!(IpAddr Ipv4Addr Ipv6Addr);

fn written(out: &mut LabelWriter<'_>, value: &impl Display) {
    // Writing to a label cannot fail. A `Display` that fails leaves what it has written.
    let _ = write!(out, "{value}");
}

#[cfg(feature = "http")]
impl LabelValue for http::Method {
    #[inline]
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        out.push_str(self.as_str());
    }

    #[inline]
    fn __text(&self) -> Option<&str> {
        Some(self.as_str())
    }
}

#[cfg(feature = "http")]
impl LabelValue for http::StatusCode {
    #[inline]
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        self.as_u16().write_label(out);
    }

    #[inline]
    fn __brief(&self) -> Option<Digest> {
        self.as_u16().__brief()
    }
}
