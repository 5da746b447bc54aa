//! Numbers as text.

/// Passes a number's text to `take`. It avoids `core::fmt`, because numbers such as statuses are
/// the most common labels.
pub(super) fn with_digits<R>(
    is_negative: bool,
    mut number: u64,
    take: impl FnOnce(&str) -> R,
) -> R {
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
