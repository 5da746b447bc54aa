use crate::label::{LabelValue, LabelWriter};

/// Returns the text that a value has as a label: for tests of an implementation of [`LabelValue`],
/// and for the labels of a sample that a test expects.
///
/// # Examples
///
/// ```
/// use headcount::testing::{assert_counts, label_of, this_thread};
/// use headcount::{Counter, LabelValue, metric};
///
/// #[derive(Clone, Copy, LabelValue)]
/// enum Carrier {
///     ByShip,
///     #[label(rename = "air mail")]
///     ByAir,
/// }
///
/// /// Letters sent.
/// #[metric(name = "sent_letters_total")]
/// fn letters(by: Carrier) -> Counter;
///
/// assert_eq!(label_of(&Carrier::ByShip), "by_ship");
/// for carrier in [Carrier::ByShip, Carrier::ByAir] {
///     let seen = this_thread(|| letters(carrier).inc());
///     assert_counts!(seen, "sent_letters_total" { by = &*label_of(&carrier) } => 1);
/// }
/// // What is longer than a label's value may be is cut, as it is on the page.
/// assert_eq!(label_of(&"x".repeat(2_000)).len(), headcount::MAX_LABEL_VALUE_LEN);
/// ```
pub fn label_of<V: LabelValue + ?Sized>(value: &V) -> String {
    let mut text = String::new();
    LabelWriter::with(&mut text, |out| value.write_label(out));
    text
}
