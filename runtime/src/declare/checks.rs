//! Checks of declarations that only the compiler can make, because they need types or constants of
//! which a macro's expansion knows only the names.

use crate::model::kind::{Ending, Kind};
use crate::model::text::{ends_with, same, starts_with};

use super::descriptor::Label;

/// The length of these parts joined by `_`, without the empty ones.
pub const fn joined_len(parts: &[&str]) -> usize {
    let mut len = 0;
    let mut i = 0;
    while i < parts.len() {
        if !parts[i].is_empty() {
            len += parts[i].len() + if len > 0 { 1 } else { 0 };
        }
        i += 1;
    }
    len
}

/// These parts joined by `_`, without the empty ones; `N` is their [`joined_len`].
pub const fn joined<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut joined = [b'_'; N];
    let mut at = 0;
    let mut i = 0;
    while i < parts.len() {
        let part = parts[i].as_bytes();
        if at > 0 && !part.is_empty() {
            at += 1;
        }
        let mut j = 0;
        while j < part.len() {
            joined[at] = part[j];
            at += 1;
            j += 1;
        }
        i += 1;
    }
    joined
}

/// The result of [`joined`] as text.
pub const fn joined_text(joined: &'static [u8]) -> &'static str {
    match core::str::from_utf8(joined) {
        Ok(text) => text,
        // The parts are text, and so is the result.
        Err(_) => "",
    }
}

/// The name of a metric of this kind, for an expansion that couldn't check the name itself because
/// a part of it is a constant or the type is an alias.
///
/// # Panics
///
/// Panics if no metric of that kind may have this name. Generated code calls this in a constant,
/// where a panic is a compile error; the same holds for the functions below.
#[track_caller]
pub const fn name(kind: Kind, name: &'static str) -> &'static str {
    let text = name.as_bytes();
    assert!(!text.is_empty(), "a metric needs a name");
    let mut i = 0;
    while i < text.len() {
        assert!(
            text[i].is_ascii_alphabetic()
                || text[i] == b'_'
                || text[i] == b':'
                || (i > 0 && text[i].is_ascii_digit()),
            "a metric's name is letters, digits, `_` and `:`, and doesn't begin with a digit"
        );
        i += 1;
    }
    assert!(
        !starts_with(text, b"headcount_"),
        "names that begin with `headcount_` are the library's own metrics"
    );
    ending(kind, name)
}

/// The same for a name that may be any text.
///
/// # Panics
///
/// Panics if no metric of that kind may have this name.
#[track_caller]
pub const fn utf8_name(kind: Kind, name: &'static str) -> &'static str {
    let text = name.as_bytes();
    assert!(!text.is_empty(), "a metric needs a name");
    let mut i = 0;
    while i < text.len() {
        assert!(!is_blank(text, i), "a metric's name has no spaces and no control characters");
        i += 1;
    }
    assert!(
        !is_shown_as(text, b"headcount_", true),
        "names that begin with `headcount_` are the library's own metrics"
    );
    let mut i = 0;
    while i < Kind::ALL.len() {
        assert!(
            !is_shown_as(text, Kind::ALL[i].shared_family().0.as_bytes(), false),
            "this is the name of a family that all annotated functions share"
        );
        i += 1;
    }
    ending(kind, name)
}

/// Whether a page in the older format, which has underscores for other characters, shows a text as
/// this word, or as something that begins with it.
const fn is_shown_as(text: &[u8], word: &[u8], begins: bool) -> bool {
    let (mut i, mut at) = (0, 0);
    while i < text.len() && at < word.len() {
        let is_kept = text[i].is_ascii_alphanumeric() || text[i] == b':';
        if word[at] != if is_kept { text[i] } else { b'_' } {
            return false;
        }
        i += 1;
        // The other bytes of a character.
        while i < text.len() && text[i] & 0xc0 == 0x80 {
            i += 1;
        }
        at += 1;
    }
    at == word.len() && (begins || i == text.len())
}

/// Whether a space or a control character begins here: those of [`char::is_whitespace`] and
/// [`char::is_control`], neither of which can be called in a constant by the oldest compiler.
const fn is_blank(text: &[u8], at: usize) -> bool {
    let second = if at + 1 < text.len() { text[at + 1] } else { 0 };
    let third = if at + 2 < text.len() { text[at + 2] } else { 0 };
    matches!(
        (text[at], second, third),
        (..=0x20 | 0x7f, _, _)
            | (0xc2, 0x80..=0xa0, _)
            | (0xe1, 0x9a, 0x80)
            | (0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf)
            | (0xe2, 0x81, 0x9f)
            | (0xe3, 0x80, 0x80)
    )
}

#[track_caller]
const fn ending(kind: Kind, name: &'static str) -> &'static str {
    let text = name.as_bytes();
    let mut i = 0;
    while i < Kind::ALL.len() {
        assert!(
            !same(name, Kind::ALL[i].shared_family().0),
            "this is the name of a family that all annotated functions share"
        );
        i += 1;
    }
    match kind.ending() {
        Ending::Total => {
            assert!(ends_with(text, b"_total"), "a counter's name ends in `_total`");
        }
        Ending::Info => assert!(ends_with(text, b"_info"), "an info's name ends in `_info`"),
        Ending::Seconds => {
            assert!(ends_with(text, b"_seconds"), "the name of durations ends in `_seconds`");
        }
        Ending::Free => {
            assert!(!ends_with(text, b"_total"), "only a counter's name ends in `_total`");
            assert!(!ends_with(text, b"_info"), "only an info's name ends in `_info`");
            assert!(
                !ends_with(text, b"_bucket")
                    && !ends_with(text, b"_sum")
                    && !ends_with(text, b"_count")
                    && !ends_with(text, b"_created"),
                "`_bucket`, `_sum`, `_count` and `_created` end the names of other metrics' samples"
            );
        }
    }
    name
}

/// The kind of a metric without a mode whose type is an alias.
///
/// # Panics
///
/// Panics if the kind requires a mode.
#[track_caller]
pub const fn without_mode(kind: Kind) -> Kind {
    assert!(
        !kind.metric().has_mode(),
        "a `Gauge` or a `StateSet` needs a mode, which combines the values of several processes: \
         `mode = \"livesum\"`, or another"
    );
    kind
}

/// The constant labels of a `static`.
///
/// # Panics
///
/// Panics if it is not an info.
#[track_caller]
pub const fn info_labels(kind: Kind, labels: &'static [Label]) -> &'static [Label] {
    assert!(
        matches!(kind, Kind::Info),
        "`labels` belongs to a `static` that is an `Info`: any other family is a `fn`, whose parameters are its labels"
    );
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: Kind, text: &'static str) -> bool {
        std::panic::catch_unwind(|| name(kind, text)).is_err()
    }

    #[test]
    fn parts_are_joined_and_empty_ones_left_out() {
        const PARTS: &[&str] = &["", "shop", "", "jobs_total"];
        const JOINED: &[u8] = &joined::<{ joined_len(PARTS) }>(PARTS);
        assert_eq!(joined_text(JOINED), "shop_jobs_total");
        assert_eq!(joined_len(&["", ""]), 0);
        assert_eq!(joined::<3>(&["a", "b"]), *b"a_b");
    }

    #[test]
    fn blanks_are_those_of_the_standard_library() {
        for letter in (0..=char::MAX as u32).filter_map(char::from_u32) {
            let text = letter.to_string();
            let expected = letter.is_whitespace() || letter.is_control();
            assert_eq!(is_blank(text.as_bytes(), 0), expected, "{letter:?}");
        }
    }

    #[test]
    fn each_kind_has_its_ending() {
        for (kind, good, bad) in [
            (Kind::Counter, "a_total", "a"),
            (Kind::FloatCounter, "a_total", "a_total_"),
            (Kind::Durations, "a_seconds", "a_ms"),
            (Kind::Info, "a_info", "a"),
            (Kind::StateSet, "a", "a_info"),
            (Kind::Gauge, "a:b", "a_total"),
            (Kind::Histogram, "a1", "a_bucket"),
            (Kind::Summary, "a", "a_count"),
            (Kind::Gauge, "total", "1a"),
            (Kind::Gauge, "a", ""),
            (Kind::Gauge, "headcount", "headcount_a"),
            (Kind::Calls, "calls_total", "function_calls_total"),
        ] {
            assert!(!refused(kind, good), "{good}");
            assert!(refused(kind, bad), "{bad}");
        }
    }
}
