//! Compares a snapshot with what a test expects.

use core::fmt::Write;

use crate::model::Snapshot;

/// A sample that a test expects.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Its name.
    pub name: &'a str,
    /// All its labels.
    pub labels: &'a [(&'a str, &'a str)],
    /// Its value; 0 also stands for a sample that is not there.
    pub value: f64,
}

/// Returns a text that lists what differs, and then the whole snapshot.
///
/// # Errors
///
/// Returns the text if anything differs.
pub fn check(snapshot: &Snapshot, expected: &[Expected<'_>]) -> Result<(), String> {
    let mut differences = String::new();
    for Expected { name, labels, value } in expected {
        let seen = snapshot.value(name, labels);
        // Bits, so that NaN can be expected; and 0 is not -0 on a page either.
        if seen.unwrap_or(0.0).to_bits() == value.to_bits() {
            continue;
        }
        let seen = seen.map_or_else(|| "not there".to_owned(), |seen| seen.to_string());
        let _ = writeln!(differences, "  {name}{labels:?}: expected {value}, but it is {seen}");
    }
    if differences.is_empty() {
        return Ok(());
    }
    let mut page = snapshot.to_text();
    if page.is_empty() {
        page.push_str("(nothing)\n");
    }
    Err(format!("counts differ:\n{differences}all that was counted:\n{page}"))
}

/// Asserts the values of samples in a [`Snapshot`](crate::Snapshot). A failure lists what differs,
/// and prints the whole snapshot.
///
/// Each line is the name of a sample, all labels of its series, and the expected value: see
/// [`Snapshot::value`](crate::Snapshot::value). 0 also matches a sample that is not there. Samples
/// that are not mentioned may have any value.
///
/// # Panics
///
/// Panics if a value differs.
///
/// # Examples
///
/// ```should_panic
/// use headcount::testing::{assert_counts, this_thread};
/// use headcount::{Counter, metric};
///
/// /// Posts written.
/// #[metric(name = "posts_total")]
/// fn posts(kind: &str) -> Counter;
///
/// let seen = this_thread(|| posts("invoice").inc());
/// assert_counts!(seen, "posts_total" { kind = "invoice" } => 1);
/// // counts differ:
/// //   posts_total[("kind", "reminder")]: expected 2, but it is not there
/// // all that was counted:
/// // ..
/// assert_counts!(seen, "posts_total" { kind = "reminder" } => 2);
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __assert_counts {
    ($snapshot:expr, $($name:literal $({ $($label:ident = $value:expr),* $(,)? })? => $expected:expr),+ $(,)?) => {
        if let ::core::result::Result::Err(differences) = $crate::testing::check(
            &$snapshot,
            &[$($crate::testing::Expected {
                name: $name,
                labels: &[$($((::core::stringify!($label), $value)),*)?],
                value: $crate::IntoF64::into_f64($expected),
            }),+],
        ) {
            ::core::panic!("{differences}");
        }
    };
}
