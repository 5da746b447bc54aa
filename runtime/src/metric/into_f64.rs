//! The numbers that a metric takes.

use core::time::Duration;

/// A number, or a [`Duration`] in seconds: the argument of
/// [`Histogram::observe`](crate::Histogram::observe), [`Summary::observe`](crate::Summary::observe)
/// and the methods of a [`Gauge`](crate::Gauge).
///
/// Values are stored as `f64`: an integer beyond 2^53 is rounded to the nearest one that `f64` can
/// represent. The trait is sealed: convert a type of your own explicitly.
///
/// A unit is not checked: a histogram of bytes that observes a `Duration` counts its seconds.
///
/// ```
/// use std::time::Duration;
/// use headcount::{Collector, Gauge, Histogram, metric};
///
/// /// Letters waiting.
/// #[metric(name = "letters_waiting", mode = "livesum")]
/// static WAITING: Gauge;
/// /// How long a delivery takes.
/// #[metric(name = "delivery_seconds", buckets = [0.5, 1.0])]
/// static TOOK: Histogram;
///
/// let letters = vec!["one", "two"];
/// WAITING.set(letters.len());
/// TOOK.observe(Duration::from_millis(750));
///
/// let text = Collector::new().collect()?.to_text();
/// assert!(text.contains("letters_waiting 2\n"));
/// assert!(text.contains("delivery_seconds_sum 0.75\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number that a metric takes",
    label = "not a float, an integer or a `Duration`",
    note = "convert it to `f64` first"
)]
pub trait IntoF64: sealed::Sealed {
    /// The value as `f64`.
    #[doc(hidden)]
    fn into_f64(self) -> f64;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! exact {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}
        impl IntoF64 for $number {
            #[inline]
            fn into_f64(self) -> f64 {
                f64::from(self)
            }
        }
    )*};
}

macro_rules! nearest {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}
        impl IntoF64 for $number {
            #[inline]
            #[expect(clippy::cast_precision_loss, reason = "the nearest is what is documented")]
            fn into_f64(self) -> f64 {
                self as f64
            }
        }
    )*};
}

exact! { f64 f32 i8 i16 i32 u8 u16 u32 }
nearest! { i64 u64 isize usize }

impl sealed::Sealed for Duration {}

impl IntoF64 for Duration {
    #[inline]
    fn into_f64(self) -> f64 {
        self.as_secs_f64()
    }
}
