//! Names and texts: the syntax of names, and how long they may be.

/// The maximum length of a label value, in bytes. A longer value is cut there, at a character
/// boundary.
///
/// ```
/// use headcount::{MAX_LABEL_VALUE_LEN, testing::label_of};
///
/// assert_eq!(label_of(&"x".repeat(5000)).len(), MAX_LABEL_VALUE_LEN);
/// ```
pub const MAX_LABEL_VALUE_LEN: usize = 1024;

/// The maximum number of labels. It and the limit for names are greater than any program needs.
pub(crate) const MAX_LABELS: u16 = 64;

pub(crate) const MAX_NAME: usize = 1024;

pub(crate) fn is_name(name: &str, colon: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    let mut chars = name.chars();
    chars.next().is_some_and(first) && chars.all(|c| first(c) || c.is_ascii_digit())
}

/// Whether a text can be a name where names may be any text. A reader that cannot have it gets it
/// escaped. Control characters are excluded: they have no place in a name, and terminals obey them.
pub(crate) fn is_any_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && !name.contains(char::is_control)
}

/// The same for the name of a label. Prometheus keeps names that begin with two underscores for
/// itself.
pub(crate) fn is_any_label_name(name: &str) -> bool {
    is_any_name(name) && !name.starts_with("__")
}

/// Whether a family or a label in a log can have this name. Spaces are excluded as well: on no page
/// would anybody recognise where such a name ends.
pub(crate) fn is_name_in_log(name: &str) -> bool {
    is_any_name(name) && !name.contains(char::is_whitespace)
}

/// The longest prefix of `text` that has at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether two texts are equal.
pub(crate) const fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && starts_with(one.as_bytes(), other.as_bytes())
}

pub(crate) const fn starts_with(text: &[u8], start: &[u8]) -> bool {
    is_at(text, 0, start)
}

pub(crate) const fn ends_with(text: &[u8], end: &[u8]) -> bool {
    text.len() >= end.len() && is_at(text, text.len() - end.len(), end)
}

pub(crate) const fn is_at(text: &[u8], at: usize, part: &[u8]) -> bool {
    let mut i = 0;
    while i < part.len() {
        if at + i >= text.len() || text[at + i] != part[i] {
            return false;
        }
        i += 1;
    }
    true
}
